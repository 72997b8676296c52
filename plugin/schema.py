"""All tables, gathered for migrations and tests."""

from __future__ import annotations

import plugin.certifications.tables
import plugin.core.tables
import plugin.delivery.tables
import plugin.enrolment.tables
import plugin.lti.tables
import plugin.mirror.tables
import plugin.notifications.tables
import plugin.population.tables  # noqa: F401 - importing is what registers the tables
from plugin.core.db import Base

metadata = Base.metadata
