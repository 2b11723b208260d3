"""How Django's own pages write dates. The dashboard writes its own, see loyalty.templatetags."""

DATE_FORMAT = "j M Y"
DATETIME_FORMAT = "j M Y, H:i T"  # with its zone: the support admin looks into stores of many
