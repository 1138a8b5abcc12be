"""Ready-made observers: `LogObserver`; `otel.OtelObserver` and `prometheus.PrometheusObserver` need their extras."""

from router.observers.log import LogObserver
from router.observers.redaction import Redaction

__all__ = ["LogObserver", "Redaction"]
