"""Personal data in texts: found, and replaced by surrogates that say what stood there.

    >>> find_personal_data("请拨13800138000联系")
    (Finding(kind='mobile', start=2, end=13, value='13800138000', checked=True),)
    >>> mask(example).example.text
    '请拨[手机号1]联系'

Chinese characters stand directly beside numbers, so no pattern relies on `\\b`, and what a pattern finds is believed
only after the check its kind has: a check digit, a calendar date, the numbering plan, or a word nearby that says
what the number is. A new kind is one `Kind` in the registry `KINDS`, also from a plug-in.
"""

from finetrie.data.privacy.finding import Finding, find_personal_data
from finetrie.data.privacy.kinds import ALL, KINDS, Kind, Match
from finetrie.data.privacy.masking import Change, Masked, mask, mask_text

__all__ = ["ALL", "KINDS", "Change", "Finding", "Kind", "Masked", "Match", "find_personal_data", "mask", "mask_text"]
