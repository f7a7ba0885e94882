from __future__ import annotations

KEY = "cspro_a/secret+key"
"""With characters that JSON may write in two ways."""
NUMBERS = ["+12125550109", "+12125550119", "+12125550129"]
