"""One settings file, read from the environment. Defaults are safe: DEBUG is off, cookies are secure."""

import logging
import sys
from pathlib import Path

import environ
from celery.schedules import crontab
from csp.constants import NONCE, NONE, SELF
from django.templatetags.static import static
from whitenoise.compress import Compressor

env = environ.Env()

BASE_DIR = Path(__file__).resolve().parent.parent
TESTING = "pytest" in sys.modules
DEBUG = env.bool("DEBUG", default=False)

# The address people and shops use, for example https://loyalty.example.com
SITE_URL = env.str("SITE_URL", default="http://127.0.0.1:8000").rstrip("/")
IS_HTTPS = SITE_URL.startswith("https://")
SECRET_KEY = env.str("SECRET_KEY", default="only-for-tests" if TESTING else env.NOTSET)
# Still good for sessions, links and tokens that were signed before SECRET_KEY was changed.
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
# Encrypts what must be readable again (signing secrets). 32 bytes, url-safe base64; several with commas, the first
# seals. See rotate_keys.
ENCRYPTION_KEY = env.str("ENCRYPTION_KEY", default="")
# Lets calls go to servers on this machine, also by plain http. For trying things out only.
OUTGOING_LOOPBACK = (DEBUG or TESTING) and env.bool("OUTGOING_LOOPBACK", default=False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = [SITE_URL]

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "loyalty.apps.SupportAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.forms",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "csp",
    "django_htmx",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "rest_framework",
    "loyalty",
    "loyalty.stores",
    "customers",
    "earning",
    "spending",
    "integrations",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "loyalty.headers.keep_private",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "loyalty.stores.sign_in.Refusals",
    "loyalty.stores.sessions.keep_track",
    "django_htmx.middleware.HtmxMiddleware",
]

# Calls that carry a key or a token instead of a cookie pass these layers only; see wsgi.py.
KEYED_PREFIXES = ("/api/v1/", "/widget/v1/", "/js/")
KEYED_MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "loyalty.headers.keep_private",
    "loyalty.headers.keep_bare",
    "django.middleware.common.CommonMiddleware",
]

ROOT_URLCONF = "loyalty.urls"
WSGI_APPLICATION = "loyalty.wsgi.application"
APPEND_SLASH = False

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

# --- PostgreSQL -------------------------------------------------------------------------------
# DATABASE_URL is the app role; migrations run as the owner (DATABASE_OWNER_URL) and grant to it.
# Web processes keep a pool. Workers do not: Celery closes Django's pool at each task's end.
DATABASES = {"default": env.db("DATABASE_URL", default="postgres://loyalty_app@127.0.0.1:5432/loyalty")}
DATABASES["default"] |= {
    "ENGINE": "loyalty.postgresql",
    "ATOMIC_REQUESTS": True,
    "CONN_MAX_AGE": 60,
    "CONN_HEALTH_CHECKS": True,
    "OPTIONS": {
        "connect_timeout": 5,
        # A peer that is gone without a word, or does not take what it is sent, is given up within a minute.
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 20_000,
        "prepare_threshold": 1_000_000_000,  # statements are prepared where one asks for it, not by counting
        "options": "-c statement_timeout=20s -c lock_timeout=5s -c idle_in_transaction_session_timeout=30s",
    },
}
pool_size = env.int("DATABASE_POOL", default=0)
REQUESTS_AT_ONCE = pool_size or 8  # in a web process; more wait, and so do those whose body is still on its way
if pool_size:
    # The engine looks after the pool's health, at no round trip.
    DATABASES["default"] |= {"CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": False}
    DATABASES["default"]["OPTIONS"]["pool"] = {"min_size": 1, "max_size": pool_size, "timeout": 4}
if env.bool("PGBOUNCER", default=False):
    DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = True
    DATABASES["default"]["OPTIONS"]["prepare_threshold"] = None
DATABASE_OWNER_URL = env.str("DATABASE_OWNER_URL", default="")
BACKUP_DATABASE_URL = env.str("BACKUP_DATABASE_URL", default="")  # a role with BYPASSRLS; without it the owner dumps
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Broker and cache -------------------------------------------------------------------------
REDIS_URL = env.str("REDIS_URL", default="redis://127.0.0.1:6379/0")
if TESTING and (worker := env.str("PYTEST_XDIST_WORKER", default="")):
    # Tests empty the broker; those that run beside each other have a database of it each.
    REDIS_URL = f"{REDIS_URL.rpartition('/')[0]}/{1 + int(worker.removeprefix('gw'))}"
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {"socket_timeout": 0.5, "socket_connect_timeout": 0.5},
        "KEY_PREFIX": "loyalty",
    }
}
CELERY_BROKER_URL = REDIS_URL
CELERY_RESULT_BACKEND = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = False  # True re-runs a task that kills its worker for ever
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_SOFT_TIME_LIMIT = 45
CELERY_TASK_TIME_LIMIT = 60
CELERY_WORKER_MAX_TASKS_PER_CHILD = 1000
CELERY_WORKER_MAX_MEMORY_PER_CHILD = 400_000
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 5
CELERY_WORKER_ENABLE_SOFT_SHUTDOWN_ON_IDLE = True
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True  # their rows are due again by themselves
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_CHANNEL_ERROR_RETRY = True  # a full broker is such an error, and would end the worker
CELERY_TASK_PUBLISH_RETRY = False
# A killed worker's task returns by kombu's sweep. Correctness never depends on it: rows do the work.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 150,
    "unacked_restore_interval": 2,
    "unacked_restore_throttle": 1,
    "socket_timeout": env.float("BROKER_SOCKET_TIMEOUT", default=0.5),
    "socket_connect_timeout": env.float("BROKER_CONNECT_TIMEOUT", default=0.5),
    "socket_keepalive": True,
    "health_check_interval": 10,
    "max_retries": 0,
}
CELERY_BEAT_SCHEDULE = {
    "forget-answers": {
        "task": "loyalty.stores.tasks.forget_answers",
        "schedule": 86_400.0,
        "options": {"expires": 3600},
    },
    "forget-sessions": {
        "task": "loyalty.stores.tasks.forget_sessions",
        "schedule": crontab(hour=3, minute=10),
        "options": {"expires": 3600},
    },
    "forget-bodies": {
        "task": "integrations.tasks.forget_bodies",
        "schedule": crontab(hour=3, minute=30),
        "options": {"expires": 3600},
    },
    "seal-ledgers": {"task": "customers.tasks.seal_ledgers", "schedule": 3600.0, "options": {"expires": 3600}},
    "sweep-facts": {"task": "earning.tasks.sweep", "schedule": 2.0, "options": {"expires": 10}},
    "sweep-inbox": {"task": "integrations.tasks.sweep", "schedule": 2.0, "options": {"expires": 10}},
    "sweep-spending": {"task": "spending.tasks.sweep", "schedule": 2.0, "options": {"expires": 10}},
    "expire-codes": {"task": "spending.tasks.expire", "schedule": 300.0, "options": {"expires": 300}},
    "record-calendar-facts": {
        "task": "earning.tasks.record_calendar_facts",
        "schedule": 300.0,
        "options": {"expires": 300},
    },
}

# --- Sign-in ----------------------------------------------------------------------------------
AUTH_USER_MODEL = "stores.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
# Where mail can be sent nobody learns at sign-up whether an address has an account: its owner is told, by mail.
ACCOUNT_EMAIL_VERIFICATION = env.str(
    "ACCOUNT_EMAIL_VERIFICATION", default="mandatory" if IS_HTTPS and "EMAIL_URL" in env.ENVIRON else "optional"
)
# Passwords and codes have a pace of their own, see loyalty.stores.guessing.
ACCOUNT_RATE_LIMITS = {
    "login": None,
    "login_failed": None,
    "change_password": "5/m/user,15/h/user",
    "reset_password": "20/m/ip,5/h/key",
}
ACCOUNT_REAUTHENTICATION_REQUIRED = True  # for addresses too: who reads the mail sets the password
ACCOUNT_REAUTHENTICATION_TIMEOUT = 900
ACCOUNT_LOGIN_ON_PASSWORD_RESET = True
ACCOUNT_ADAPTER = "loyalty.stores.accounts.AccountAdapter"
ACCOUNT_FORMS = {
    "signup": "loyalty.stores.forms.SignupForm",
    "login": "loyalty.stores.accounts.LoginForm",
    "add_email": "loyalty.stores.accounts.AddEmailForm",
    "change_password": "loyalty.stores.accounts.ChangePasswordForm",
    "reset_password": "loyalty.stores.accounts.ResetPasswordForm",
    "reset_password_from_key": "loyalty.stores.accounts.ResetPasswordKeyForm",
    "reauthenticate": "loyalty.stores.accounts.ReauthenticateForm",
}
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
MFA_ADAPTER = "loyalty.stores.accounts.MFAAdapter"
MFA_FORMS = {
    "authenticate": "loyalty.stores.accounts.EnterCodeForm",
    "reauthenticate": "loyalty.stores.accounts.EnterCodeAgainForm",
    "activate_totp": "loyalty.stores.accounts.TurnOnForm",
    "add_webauthn": "loyalty.stores.accounts.AddPasskeyForm",
    "edit_webauthn": "loyalty.stores.accounts.RenamePasskeyForm",
}
ACCOUNT_SESSION_REMEMBER = True
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
# Whoever may open the support admin needs two-step sign-in for it. Stores say so for themselves.
SUPPORT_NEEDS_TWO_STEPS = env.bool("SUPPORT_NEEDS_TWO_STEPS", default=IS_HTTPS)
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
EMAIL_CONFIG = env.email("EMAIL_URL", default="consolemail://")
vars().update(EMAIL_CONFIG)
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="Loyalty <loyalty@localhost>")

# --- Security ---------------------------------------------------------------------------------
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_HTTPS
SESSION_SERIALIZER = "loyalty.stores.sealed_sessions.Serializer"
SESSION_COOKIE_NAME = "__Host-session" if IS_HTTPS else "loyalty_session"
CSRF_COOKIE_NAME = "__Host-csrf" if IS_HTTPS else "loyalty_csrf"
CSRF_COOKIE_HTTPONLY = True
SECURE_SSL_REDIRECT = False  # the proxy's work
SILENCED_SYSTEM_CHECKS = ["security.W008"]  # which asks for it here
SECURE_HSTS_SECONDS = 31_536_000 if IS_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = IS_HTTPS
SECURE_REFERRER_POLICY = "same-origin"
BEHIND_PROXY = env.bool("BEHIND_PROXY", default=False)
if BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "manifest-src": [SELF],
    }
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 6 * 1024 * 1024  # the bounded JSON loader sets each wire's own, lower limit

METRICS_TOKEN = env.str("METRICS_TOKEN", default="")  # Prometheus's; without it there is no /metrics

# --- API --------------------------------------------------------------------------------------
API_RATE_PER_SECOND = env.int("API_RATE_PER_SECOND", default=200)
STRANGER_RATE_PER_SECOND = env.int("STRANGER_RATE_PER_SECOND", default=100_000 if TESTING else 20)  # of an address
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["loyalty.stores.authentication.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["loyalty.stores.authentication.HasScope"],
    "DEFAULT_PARSER_CLASSES": ["loyalty.stores.parsers.BoundedJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "loyalty.stores.problems.problem_handler",
    "DEFAULT_PAGINATION_CLASS": None,
    "COERCE_DECIMAL_TO_STRING": True,
    "UNAUTHENTICATED_USER": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Loyalty API",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "PREPROCESSING_HOOKS": ["loyalty.stores.schema.only_native"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "loyalty.stores.schema.complete",
    ],
    "ENUM_NAME_OVERRIDES": {
        "ActivityState": "earning.models.Activity.State",
        "CustomerState": "customers.models.Customer.State",
        "EntryKind": "customers.models.LedgerEntry.Kind",
        "AdjustmentCode": "customers.models.LedgerEntry.Code",
        "RuleKind": "earning.actions.choices",
        "RewardKind": "spending.rewards.choices",
        "RedemptionState": "spending.models.Redemption.State",
        "LimitPeriod": "earning.models.EarningRule.Period",
    },
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": [],
}

# --- Language, files, logs --------------------------------------------------------------------
LANGUAGE_CODE = "en"
USE_I18N = False
TIME_ZONE = "UTC"
USE_TZ = True
FORMAT_MODULE_PATH = "loyalty.formats"
STATIC_URL = "static/"
STATIC_ROOT = env.path("STATIC_ROOT", default=str(BASE_DIR / "staticfiles"))
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG or TESTING
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
# Nothing links to the names without a hash, and nobody waits for a source map: half the files, a quarter of the time.
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = [*Compressor.SKIP_COMPRESS_EXTENSIONS, "map"]
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="WARNING")},
    "loggers": {name: {"level": "INFO"} for name in ("loyalty", "customers", "earning", "spending", "integrations")},
}
logging.captureWarnings(True)

UNFOLD = {
    "SITE_TITLE": "Loyalty support",
    "SITE_HEADER": "Loyalty support",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("favicon.svg")}],
}
