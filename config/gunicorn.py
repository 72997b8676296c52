"""gunicorn's settings: threads, since requests mostly wait for the database."""

import os

bind = f"0.0.0.0:{os.environ.get('PORT', '8000')}"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
worker_class = "gthread"
threads = 8
timeout = 60
graceful_timeout = 30
access_log_format = '%(h)s "%(m)s" %(s)s %(b)s %(M)sms'
