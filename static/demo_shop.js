// What a merchant's theme does around the widget: where to sign in, and the code into the checkout at once.
(function () {
  "use strict";
  document.addEventListener("DOMContentLoaded", () => {
    const login = new URL(document.body.dataset.login, location.href).href;
    window.Lootly = { config: { loginUrl: login, registerUrl: login } };
  });
  window.addEventListener("widgetRewardRedeemed", (event) => {
    const code = event.detail.coupon.coupon_code;
    document.getElementById("code").value = code;
    document.getElementById("coupon").textContent = `Your code ${code} is filled in.`;
  });
})();
