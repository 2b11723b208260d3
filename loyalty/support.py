"""The support admin's site: it acts for the stores a person may support, under its own content security policy."""

from functools import wraps

from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from csp.decorators import csp_replace
from django.utils.decorators import method_decorator
from unfold.sites import UnfoldAdminSite

from loyalty.stores import audit
from loyalty.stores.mixins import rendered
from loyalty.stores.tenancy import act_for

# Unfold evaluates expressions in attributes (Alpine) and sets styles from scripts. On these pages only.
LOOSER_CSP = {
    "script-src": [SELF, UNSAFE_EVAL],
    "style-src": [SELF, UNSAFE_INLINE],
    "object-src": [NONE],
}


class SupportSite(UnfoldAdminSite):
    """Each of its pages acts for the stores of the person who looks, in the request's transaction."""

    def admin_view(self, view, cacheable=False):
        @wraps(view)
        @method_decorator(csp_replace(LOOSER_CSP))
        def inside(request, *args, **kwargs):
            # 0: who supports no store sees none. To name nothing would leave open what finds a store.
            act_for(*request.user.supported_stores.values_list("pk", flat=True) or [0])
            audit.begin(request)
            response = rendered(view(request, *args, **kwargs))
            audit.finish(request)
            return response

        return super().admin_view(inside, cacheable)
