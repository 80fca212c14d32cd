"""The check characters that tell a number from a row of digits."""

from __future__ import annotations

from datetime import date

ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CODE_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # GB 32100: without I, O, S, V, Z

PROVINCES = frozenset(
    str(code)
    for first, last in ((11, 15), (21, 23), (31, 37), (41, 46), (50, 54), (61, 65), (71, 71), (81, 83))
    for code in range(first, last + 1)
)
"""The first two digits of GB/T 2260; 81 to 83 stand on the residence permits of Hong Kong, Macau and Taiwan."""

# Fixed, so that the same text gives the same findings on every day.
BIRTH_YEARS = range(1900, 2036)


def id_check(body: str) -> str:
    """The 18th character of an identity number from its first 17 digits (GB 11643, ISO 7064 MOD 11-2)."""
    return "10X98765432"[sum(int(digit) * weight for digit, weight in zip(body, ID_WEIGHTS, strict=True)) % 11]


def is_id_card(number: str) -> bool:
    """Whether 18 characters are an identity number: province, day of birth and check character."""
    return is_like_id_card(number) and id_check(number[:17]) == number[17].upper()


def is_like_id_card(number: str) -> bool:
    """Whether 18 characters have a province and a day of birth: perhaps an identity number with a slip in it."""
    return len(number) == 18 and number[:2] in PROVINCES and is_birthday(number[6:10], number[10:12], number[12:14])


def is_birthday(year: str, month: str, day: str) -> bool:
    """Whether the calendar has this day, and somebody in a text may have been born on it."""
    try:
        return date(int(year), int(month), int(day)).year in BIRTH_YEARS
    except ValueError:
        return False


def luhn_check(body: str) -> str:
    """The last digit of a card number from all digits before it (ISO/IEC 7812-1, annex B)."""
    doubled = (int(digit) * (2 - i % 2) for i, digit in enumerate(reversed(body)))
    return str(-sum(value - 9 if value > 9 else value for value in doubled) % 10)


def is_luhn(number: str) -> bool:
    return luhn_check(number[:-1]) == number[-1]


def code_check(body: str) -> str:
    """The 18th character of a unified social credit code from its first 17 (GB 32100-2015: weights 3^i mod 31)."""
    total = sum(CODE_ALPHABET.index(character) * pow(3, i, 31) for i, character in enumerate(body))
    return CODE_ALPHABET[-total % 31]


def is_credit_code(code: str) -> bool:
    """Whether 18 upper-case characters are a credit code: a province, or 10 for the whole country, and the check.

    Companies, shops and cooperatives have 91, 92 and 93. Other rows of seventeen digits are seldom codes and often
    identity or order numbers, so the check of the organisation in them must hold as well.
    """
    region = code[2:4] in PROVINCES or code[2:4] == "10"
    plain = code[:2] in ("91", "92", "93") or not code[:17].isdigit() or is_organisation(code[8:17])
    return region and plain and code_check(code[:17]) == code[17]


def is_organisation(code: str) -> bool:
    """Whether 9 digits are the code of an organisation (GB 11714: weights 3, 7, 9, 10, 5, 8, 4, 2 mod 11)."""
    total = sum(int(digit) * weight for digit, weight in zip(code[:8], (3, 7, 9, 10, 5, 8, 4, 2), strict=True))
    return "0X987654321"[total % 11] == code[8]
