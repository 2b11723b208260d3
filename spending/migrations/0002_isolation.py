from django.db import migrations

from loyalty.stores.tenancy import IsolateByStore, LetSweep, StoreForeignKey


class Migration(migrations.Migration):
    dependencies = [("spending", "0001_initial"), ("customers", "0002_isolation")]
    operations = [
        IsolateByStore(
            "spending_codepool",
            "spending_reward",
            "spending_rewardversion",
            "spending_rewardimage",
            "spending_couponcode",
            "spending_couponimport",
            "spending_couponimportpart",
            "spending_redemption",
            "spending_fulfilment",
        ),
        LetSweep("spending_couponimport", "spending_fulfilment"),
        StoreForeignKey("spending_codepool", "fallback_id", "spending_codepool"),
        StoreForeignKey("spending_reward", "pool_id", "spending_codepool"),
        StoreForeignKey("spending_reward", "image_id", "spending_rewardimage"),
        StoreForeignKey("spending_rewardversion", "reward_id", "spending_reward"),
        StoreForeignKey("spending_couponimport", "pool_id", "spending_codepool"),
        StoreForeignKey("spending_couponimportpart", "coupon_import_id", "spending_couponimport"),
        StoreForeignKey("spending_redemption", "customer_id", "customers_customer"),
        StoreForeignKey("spending_redemption", "reward_id", "spending_reward"),
        StoreForeignKey("spending_redemption", "coupon_id", "spending_couponcode"),
        StoreForeignKey("spending_redemption", "replaced_by_id", "spending_redemption"),
        StoreForeignKey("spending_fulfilment", "redemption_id", "spending_redemption"),
    ]
