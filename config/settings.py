"""All configuration, read from the environment once per variable (.env.example names each); secure by default."""

from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static
from django.utils.csp import CSP

from config import env

BASE_DIR = Path(__file__).resolve().parent.parent

# --- the process -----------------------------------------------------------------------------------------------------
DEBUG = env.boolean("DEBUG", False)
SECRET_KEY = env.text("SECRET_KEY")
# Where people and programs reach us: the edge. Hosts, origins and cookies follow from it.
BASE_URL = env.text("BASE_URL").rstrip("/")
_base = urlsplit(BASE_URL)
if _base.scheme not in {"http", "https"} or not _base.hostname:
    raise ImproperlyConfigured(f"BASE_URL must be an http(s) address, not {BASE_URL!r}")
IS_HTTPS = _base.scheme == "https"
ALLOWED_HOSTS = [_base.hostname, *env.words("ALLOWED_HOSTS")]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"
ENVIRONMENT = env.text("ENVIRONMENT", "production")
# Faults and latency on demand belong to development and tests alone.
SANDBOX_FAULTS = env.boolean("SANDBOX_FAULTS", False)

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django_prometheus",
    "corsheaders",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "channels",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.google",
    "allauth.headless",
    "allauth.usersessions",
    "djstripe",
    "core",
    "accounts",
    "usage",
    "storage",
    "billing",
    "generation",
    "config",
]

MIDDLEWARE = [
    "config.observability.RequestMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "config.static.StaticFilesMiddleware",
    "config.csp.PagePolicyMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.middleware.headless_bodies",
    "config.api.ProblemMiddleware",
]
# What a request to the API with a key goes without (config/wsgi.py).
BROWSER_MIDDLEWARE = {
    "config.static.StaticFilesMiddleware",
    "config.csp.PagePolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.middleware.headless_bodies",
}

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
            ]
        },
    }
]

# --- Postgres, the only truth ----------------------------------------------------------------------------------------
_database = urlsplit(env.text("DATABASE_URL"))
DATABASES = {
    "default": {
        "ENGINE": "core.postgres",
        "NAME": _database.path.lstrip("/"),
        "USER": _database.username or "",
        "PASSWORD": _database.password or "",
        "HOST": _database.hostname or "",
        "PORT": _database.port or 5432,
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "connect_timeout": 5,
            # For core.postgres.prepared; Django's own cursors prepare nothing.
            "prepare_threshold": 5,
            "options": "-c lock_timeout=5s -c statement_timeout=30s -c idle_in_transaction_session_timeout=30s",
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Valkey: doorbells, live events, short windows; may vanish at any moment -----------------------------------------
REDIS_URL = env.text("REDIS_URL")
CELERY_BROKER_URL = env.text("BROKER_URL", REDIS_URL)
# A ring or an announcement waits this long for Valkey and no longer: the sweep repeats what got lost.
DOORBELL_TIMEOUT_SECONDS = env.seconds("DOORBELL_TIMEOUT_SECONDS", 0.2)

# allauth counts attempts in the default cache; nothing of ours is kept there.
CACHES = {"default": {"BACKEND": "accounts.attempts.AttemptsCache", "KEY_PREFIX": "attempts"}}

# --- who -------------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
# It finds users by e-mail address, in the admin too; a second backend would only hash each wrong password twice.
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
# Frontends on other origins that may call the API: exact origins, comma-separated.
FRONTEND_ORIGINS = env.words("FRONTEND_ORIGINS")
CORS_ALLOWED_ORIGINS = FRONTEND_ORIGINS
CORS_ALLOW_HEADERS = [
    "authorization",
    "content-type",
    "idempotency-key",
    "last-event-id",
    "prefer",
    "traceparent",
    "x-email-verification-key",
    "x-organization-id",
    "x-password-reset-key",
    "x-request-id",
    "x-session-token",
]
CORS_EXPOSE_HEADERS = [
    "etag",
    "idempotency-replayed",
    "link",
    "location",
    "ratelimit",
    "ratelimit-policy",
    "retry-after",
    "server-timing",
    "x-request-id",
]
CSRF_TRUSTED_ORIGINS = [f"{_base.scheme}://{_base.netloc}", *FRONTEND_ORIGINS]
SOCKET_ORIGINS = CSRF_TRUSTED_ORIGINS
SESSION_COOKIE_NAME = "__Host-session" if IS_HTTPS else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if IS_HTTPS else "csrftoken"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_HTTPS
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = 31_536_000 if IS_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = IS_HTTPS
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "config.api.csrf_failure"

ACCOUNT_ADAPTER = "accounts.adapters.AccountAdapter"
SOCIALACCOUNT_ADAPTER = "accounts.adapters.SocialAccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
# Anything but "mandatory" lets a sign-up tell which addresses have accounts (pitfalls: A9).
ACCOUNT_EMAIL_VERIFICATION = env.text("EMAIL_VERIFICATION", "mandatory")
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
# Attempts are counted by the address that the edge put into X-Forwarded-For.
ALLAUTH_TRUSTED_PROXY_COUNT = 1
ACCOUNT_EMAIL_NOTIFICATIONS = True
HEADLESS_ONLY = True
HEADLESS_CLIENTS = ("app", "browser")
_frontend = env.text("FRONTEND_URL", BASE_URL).rstrip("/")
HEADLESS_FRONTEND_URLS = {
    "account_confirm_email": f"{_frontend}/account/verify-email/{{key}}",
    "account_reset_password": f"{_frontend}/account/reset-password",
    "account_reset_password_from_key": f"{_frontend}/account/reset-password/{{key}}",
    "account_signup": f"{_frontend}/account/sign-up",
    "socialaccount_login_error": f"{_frontend}/account/sign-in",
}
INVITATION_URL = f"{_frontend}/account/invitation/{{key}}"
SOCIALACCOUNT_PROVIDERS = {
    "google": {
        "APPS": [
            {"client_id": client_id, "secret": env.text("GOOGLE_CLIENT_SECRET"), "key": ""}
            for client_id in env.words("GOOGLE_CLIENT_ID")
        ],
        "SCOPE": ["profile", "email"],
        "OAUTH_PKCE_ENABLED": True,
    }
}
SOCKET_TICKET_SECONDS = 30
# Called with the id of each organization that people open themselves, in the transaction that makes it.
ACCOUNTS_NEW_ORGANIZATION = "billing.plans.ensure"
# In development the sign-in page tells of a demo login: {"email", "password"} in this file, which `make run` writes.
DEMO_LOGIN_FILE = env.text("DEMO_LOGIN_FILE", "")

# --- mail ------------------------------------------------------------------------------------------------------------
# Under `make run` mail is written to this folder and shown on the mailbox page; elsewhere it goes by SMTP.
MAILBOX_DIR = env.text("MAILBOX_DIR", "")
EMAIL_BACKEND = (
    "django.core.mail.backends.filebased.EmailBackend" if MAILBOX_DIR else "django.core.mail.backends.smtp.EmailBackend"
)
EMAIL_FILE_PATH = MAILBOX_DIR or None
EMAIL_HOST = env.text("EMAIL_HOST", "localhost")
EMAIL_PORT = env.integer("EMAIL_PORT", 25)
EMAIL_HOST_USER = env.text("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = env.text("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = env.boolean("EMAIL_USE_TLS", False)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", f"no-reply@{_base.hostname}")

# --- object storage --------------------------------------------------------------------------------------------------
S3_ENDPOINT_URL = env.text("S3_ENDPOINT_URL", "") or None
S3_BUCKET = env.text("S3_BUCKET", "media")
S3_REGION = env.text("S3_REGION", "us-east-1")
S3_ACCESS_KEY = env.text("S3_ACCESS_KEY", "") or None
S3_SECRET_KEY = env.text("S3_SECRET_KEY", "") or None
S3_ADDRESSING_STYLE = env.text("S3_ADDRESSING_STYLE", "path")
S3_CHECKSUM_MODE = env.text("S3_CHECKSUM_MODE", "when_required")
# What the store checks arriving bytes by, and whether it takes `If-None-Match: *` (docs/storage.md).
S3_INTEGRITY = env.text("S3_INTEGRITY", "sha256")
S3_CONDITIONAL_WRITES = env.boolean("S3_CONDITIONAL_WRITES", True)
# What stands before the bucket for readers: links are signed for the bucket and sent through this address.
CDN_BASE_URL = env.text("CDN_BASE_URL", "").rstrip("/")
# How links are signed: "edge" (by us, for ops/edge or ops/cdn), "s3" or "cloudfront"; see storage/delivery.py.
DELIVERY_SIGNER = env.text("DELIVERY_SIGNER", "edge" if CDN_BASE_URL else "s3")
# The first signs, all are believed: put a new one in front, and take the old one away when its links have ended.
DELIVERY_SECRETS = env.words("DELIVERY_SECRETS") or [SECRET_KEY]
# An edge there asks web under the name that it was asked for.
ALLOWED_HOSTS += [host for host in [urlsplit(CDN_BASE_URL).hostname] if host and host not in ALLOWED_HOSTS]
CLOUDFRONT_KEY_ID = env.text("CLOUDFRONT_KEY_ID", "")
CLOUDFRONT_PRIVATE_KEY = env.text("CLOUDFRONT_PRIVATE_KEY", "").replace("\\n", "\n")
ASSET_URL_SECONDS = env.integer("ASSET_URL_SECONDS", 300)
# Where those who upload by presigned addresses reach the bucket, if not at its own.
UPLOAD_BASE_URL = env.text("UPLOAD_BASE_URL", "").rstrip("/")
# A disk, not memory: files lie there while they are worked on.
SPOOL_DIR = env.text("SPOOL_DIR", "") or None
# By presigned address one PUT up to here; above, parts of at least the other, so that a broken line costs one of them.
UPLOAD_SINGLE_MAX_BYTES = env.integer("UPLOAD_SINGLE_MAX_BYTES", 64 * 1024**2)
UPLOAD_PART_BYTES = env.integer("UPLOAD_PART_BYTES", 16 * 1024**2)
UPLOADS_OPEN_MAX = env.integer("UPLOADS_OPEN_MAX", 1_000)
# How long bringing an asset from an address on the web may take.
FETCH_SECONDS = env.seconds("FETCH_SECONDS", 120)
UPLOAD_MAX_BYTES = env.integer("UPLOAD_MAX_BYTES", 2 * 1024**3)
# The longest line of an old library that is imported.
IMPORT_LINE_MAX_BYTES = env.integer("IMPORT_LINE_MAX_BYTES", 512 * 1024**2)
IMAGE_MAX_PIXELS = env.integer("IMAGE_MAX_PIXELS", 100_000_000)
IMAGE_MAX_SIDE = env.integer("IMAGE_MAX_SIDE", 32_768)
AUDIO_MAX_SECONDS = env.integer("AUDIO_MAX_SECONDS", 4 * 3600)
CHILD_MEMORY_BYTES = env.integer("CHILD_MEMORY_BYTES", 1024**3)
CHILD_TIMEOUT_SECONDS = env.seconds("CHILD_TIMEOUT_SECONDS", 20)
CHILD_PROCESSES = env.integer("CHILD_PROCESSES", 2)
# Servers of our own that a customer's address may name though they are private or speak plain http: exact host:port.
OUTBOUND_ALLOWED_HOSTS = frozenset(env.words("OUTBOUND_ALLOWED_HOSTS"))
STORAGES = {
    "default": {
        "BACKEND": "storage.bucket.Bucket",
        "OPTIONS": {
            "endpoint_url": S3_ENDPOINT_URL,
            "access_key": S3_ACCESS_KEY,
            "secret_key": S3_SECRET_KEY,
            "bucket_name": S3_BUCKET,
            "region_name": S3_REGION,
            "addressing_style": S3_ADDRESSING_STYLE,
            "signature_version": "s3v4",
            "default_acl": None,
            "file_overwrite": False,
            "querystring_auth": True,
            "querystring_expire": ASSET_URL_SECONDS,
        },
    },
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
STATIC_URL = "/static/"
STATIC_ROOT = env.text("STATIC_ROOT", str(BASE_DIR / "staticfiles"))
STATICFILES_DIRS = [BASE_DIR / "static"]

# --- the pages -------------------------------------------------------------------------------------------------------
_cdn = urlsplit(CDN_BASE_URL)
_cdn_origin = [f"{_cdn.scheme}://{_cdn.netloc}"] if CDN_BASE_URL else []
_upload = urlsplit(UPLOAD_BASE_URL or S3_ENDPOINT_URL or f"https://s3.{S3_REGION}.amazonaws.com")
_upload_origin = [f"{_upload.scheme}://{_upload.netloc}"]
# Scripts and styles come from our own files alone; pictures also from the CDN.
SECURE_CSP = {
    "default-src": [CSP.SELF],
    "img-src": [CSP.SELF, "data:", "blob:", *_cdn_origin],
    "media-src": [CSP.SELF, "blob:", *_cdn_origin],
    "connect-src": [CSP.SELF, *_cdn_origin, *_upload_origin],
    "base-uri": [CSP.NONE],
    # Signing in with Google is a form of ours that is answered by a redirect to theirs.
    "form-action": [CSP.SELF, *(["https://accounts.google.com"] if SOCIALACCOUNT_PROVIDERS["google"]["APPS"] else [])],
    "frame-ancestors": [CSP.NONE],
    "object-src": [CSP.NONE],
}

# --- the API ---------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.ApiKeyAuthentication",
        "accounts.authentication.SessionTokenAuthentication",
        "accounts.authentication.CookieAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.permissions.IsMember"],
    "DEFAULT_THROTTLE_CLASSES": ["usage.throttling.OrganizationThrottle"],
    "DEFAULT_PARSER_CLASSES": ["core.parsers.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["core.rendering.JSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "core.rendering.OneFormat",
    "DEFAULT_PAGINATION_CLASS": "core.pagination.Pages",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "config.api.exception_handler",
    "UNAUTHENTICATED_USER": None,
    "NUM_PROXIES": 1,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Media backend",
    "DESCRIPTION": "Generative media as jobs: priced, held, made, stored, and watched live.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/v1",
    "SERVERS": [{"url": BASE_URL}],
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enums", "config.openapi.document_problems"],
}
JSON_MAX_BYTES = 256 * 1024
JSON_MAX_DEPTH = 20
# Streamed bodies are bounded by UPLOAD_MAX_BYTES where they are read; this one bounds forms and JSON in memory.
DATA_UPLOAD_MAX_MEMORY_SIZE = 8 * 1024**2
APPEND_SLASH = False
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-us"
# Times in the admin as logs have them: config/formats/en/formats.py.
FORMAT_MODULE_PATH = "config.formats"

# --- the worker ------------------------------------------------------------------------------------------------------
RUNNER_SLOTS = env.integer("RUNNER_SLOTS", 1_000)
LEASE_SECONDS = env.seconds("LEASE_SECONDS", 30)
LEASE_RENEW_SECONDS = env.seconds("LEASE_RENEW_SECONDS", 10)
# How long after its intent was written a call may still be sent; nobody concludes "never sent" before that.
SEND_WITHIN_SECONDS = env.seconds("SEND_WITHIN_SECONDS", 20)
# A provider's blocking route answers within 330 s; its other calls are short.
SUBMIT_TIMEOUT_SECONDS = env.seconds("SUBMIT_TIMEOUT_SECONDS", 345)
POLL_TIMEOUT_SECONDS = env.seconds("POLL_TIMEOUT_SECONDS", 120)
SWEEP_SECONDS = env.seconds("SWEEP_SECONDS", 5)
DRAIN_SECONDS = env.seconds("DRAIN_SECONDS", 345)
MAX_ATTEMPTS = env.integer("MAX_ATTEMPTS", 3)
# How long a provider that failed five times in a row is left alone before a probe; doubles up to sixteen times that.
CIRCUIT_SECONDS = env.seconds("CIRCUIT_SECONDS", 15)
RETRY_BACKOFF_SECONDS = env.seconds("RETRY_BACKOFF_SECONDS", 2)
# How long a result that was paid for waits for a bucket that is away.
STORE_PATIENCE_SECONDS = env.seconds("STORE_PATIENCE_SECONDS", 900)

CELERY_TASK_SERIALIZER = CELERY_RESULT_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_RETRY_ON_WORKER_LOST = False
CELERY_TASK_ACKS_ON_FAILURE = CELERY_TASK_ACKS_ON_TIMEOUT = True
# Of the prefork pool; a thread cannot be stopped, so what runs in one bounds its own calls.
CELERY_TASK_SOFT_TIME_LIMIT = 210
CELERY_TASK_TIME_LIMIT = 240
CELERY_WORKER_ETA_TASK_LIMIT = 500
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 45
CELERY_WORKER_ENABLE_SOFT_SHUTDOWN_ON_IDLE = True
# Beat keeps no file: its ticks only ring for rows that Postgres says are due.
CELERY_BEAT_SCHEDULER = "celery.beat:Scheduler"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_POOL_LIMIT = 10
CELERY_BROKER_POOL_ACQUIRE_TIMEOUT = 3
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0, "interval_step": 0.1, "interval_max": 0.2}
# Who rings does not wait for the broker; a worker, whose consumer blocks on it, does (config/celery.py).
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 300,
    "socket_timeout": DOORBELL_TIMEOUT_SECONDS,
    "socket_connect_timeout": DOORBELL_TIMEOUT_SECONDS,
}
BROKER_TRANSPORT_OPTIONS_OF_WORKERS = {
    "visibility_timeout": 300,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "unacked_mutex_expire": 30,
    "socket_timeout": 10,
    "socket_connect_timeout": 3,
    "socket_keepalive": True,
    "health_check_interval": 10,
    "retry_on_timeout": True,
}
CELERY_TIMEZONE = "UTC"

# --- observability ---------------------------------------------------------------------------------------------------
SENTRY_DSN = env.text("SENTRY_DSN", "")
LOG_LEVEL = env.text("LOG_LEVEL", "INFO")
LOGGING_CONFIG = "config.observability.configure_logging"
LOGGING = {"level": LOG_LEVEL}
# Who may read /metrics: the bearer of this token; without one, only this machine and not through the edge.
METRICS_TOKEN = env.text("METRICS_TOKEN", "")

# --- Stripe (dj-stripe mirrors it; nothing is called without keys) ---------------------------------------------------
# dj-stripe's own migrations take 70 s of state reloads; its tables are made by one of ours instead.
# After an upgrade of dj-stripe: `manage.py makemigrations djstripe` (CI fails until it is there).
MIGRATION_MODULES = {"djstripe": "billing.djstripe_migrations"}
STRIPE_LIVE_MODE = env.boolean("STRIPE_LIVE_MODE", False)
DJSTRIPE_FOREIGN_KEY_TO_FIELD = "id"

# --- the admin -------------------------------------------------------------------------------------------------------
UNFOLD = {
    "SITE_TITLE": "Media backend",
    "SITE_HEADER": "Media backend",
    "SITE_SYMBOL": "auto_awesome",
    # The audit trail says more, and about more.
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    "ENVIRONMENT": "config.admin.environment",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("favicon.svg")}],
    "STYLES": [lambda request: static("desk/desk.css")],
    "SCRIPTS": [lambda request: static("desk/desk.js")],
    "SIDEBAR": {"show_search": True, "navigation": "config.navigation.navigation"},
    "COLORS": {
        "primary": {
            "50": "238 242 255",
            "100": "224 231 255",
            "200": "199 210 254",
            "300": "165 180 252",
            "400": "129 140 248",
            "500": "99 102 241",
            "600": "79 70 229",
            "700": "67 56 202",
            "800": "55 48 163",
            "900": "49 46 129",
            "950": "30 27 75",
        }
    },
}
