"""Write an evaluation set for the finder of personal data: every kind in awkward company, and look-alikes.

python scripts/make_private.py private.jsonl                     # 4,000 rows from seed 7
python scripts/make_private.py private.jsonl --rows 200 --seed 1

One JSON object a line: `{"text", "findings": [{"kind", "start", "end"}], "lookalike"}`, half-open offsets in code
points. A row either holds one to three values, each beside Chinese characters, digits, letters of other scripts or
punctuation, or a look-alike in which nothing must be found (`lookalike` names it). All values are invented.

The check characters are computed here by other means than in the package, so that one mistake is not made twice.
"""

from __future__ import annotations

import argparse
import json
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

from finetrie.data.sample.chance import Chance

Row: TypeAlias = "dict[str, object]"
Maker: TypeAlias = Callable[[Chance], str]

PROVINCES = ("11", "12", "13", "21", "31", "32", "33", "37", "42", "44", "50", "51", "61", "65")
CODE_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def digits(chance: Chance, size: int) -> str:
    return "".join(str(chance.below(10)) for _ in range(size))


def letters(chance: Chance, size: int, alphabet: str = "abcdefghijklmnopqrstuvwxyz") -> str:
    return "".join(chance.pick(alphabet) for _ in range(size))


def in_groups(value: str, sizes: tuple[int, ...], separator: str) -> str:
    parts, position = [], 0
    for size in sizes:
        parts.append(value[position : position + size])
        position += size
    return separator.join([*parts, value[position:]]).rstrip(separator)


def full_width(value: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if c.isascii() and c.isalnum() else c for c in value)


def id_card(chance: Chance, *, wrong: bool = False, region: str = "", day: str = "") -> str:
    """GB 11643: the number, read with X as 10, is 1 modulo 11 when position i from the right weighs 2^i."""
    region = region or chance.pick(PROVINCES) + digits(chance, 4)
    day = day or f"{chance.between(1940, 2012)}{chance.between(1, 12):02d}{chance.between(1, 28):02d}"
    body = region + day + digits(chance, 3)
    total = sum(int(d) << (17 - i) for i, d in enumerate(body))
    check = (1 - total + wrong) % 11
    return body + ("X" if check == 10 else str(check))


def id_card_written(chance: Chance) -> str:
    number = id_card(chance)
    ways = (
        number,
        number.lower(),
        in_groups(number, (6, 8), " "),
        in_groups(number, (6, 4, 4), " "),
        full_width(number),
    )
    return chance.weighted(ways, (4, 2, 1, 1, 1))


def mobile(chance: Chance) -> str:
    prefix = chance.pick(
        ("130", "135", "138", "139", "147", "150", "159", "166", "173", "177", "182", "188", "191", "199")
    )
    return prefix + digits(chance, 8)


def mobile_written(chance: Chance) -> str:
    number = mobile(chance)
    grouped = in_groups(number, (3, 4), chance.pick(" -"))
    ways = (number, grouped, f"+86{number}", f"+86 {number}", f"86-{number}", f"+86-{grouped}", full_width(number))
    return chance.weighted(ways, (6, 3, 1, 1, 1, 1, 1))


def landline(chance: Chance) -> str:
    area = chance.pick(("010", "021", "0571", "020", "0755", "028"))
    local = chance.pick("68") + str(chance.between(1, 9)) + digits(chance, 6)  # 800… is a service line
    ways = (f"{area}-{local}", f"({area}){local}", f"{area} {local}", f"+86-{area[1:]}-{local}", f"{area}-{local}-801")
    return chance.weighted(ways, (4, 1, 1, 1, 1))


def luhn(body: str, *, wrong: bool = False) -> str:
    """Digits at every second place from the right count double, with the digits of the product added up."""
    doubled = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
    total = sum(doubled[int(d)] if i % 2 == 0 else int(d) for i, d in enumerate(reversed(body)))
    return body + str((-total + wrong) % 10)


def bank_card(chance: Chance) -> str:
    prefix, size = chance.pick(
        (("622202", 19), ("622848", 19), ("621700", 16), ("625", 16), ("4", 16), ("52", 16), ("4", 13))
    )
    number = luhn(prefix + digits(chance, size - 1 - len(prefix)))
    sizes = (4, 4, 4, 4) if size > 16 else (4, 4, 4)
    ways = (number, in_groups(number, sizes, " "), in_groups(number, sizes, "-"), full_width(number))
    return chance.weighted(ways, (4, 2, 1, 1))


def credit_code(chance: Chance, *, wrong: bool = False) -> str:
    """GB 32100: position i weighs 3^i modulo 31, the last one 1, and the whole is 0 modulo 31."""
    body = f"91{chance.pick(PROVINCES)}{digits(chance, 4)}{letters(chance, 9, CODE_ALPHABET)}"
    total, weight = 0, 1
    for character in body:
        total, weight = total + CODE_ALPHABET.index(character) * weight, weight * 3 % 31
    return body + next(c for i, c in enumerate(CODE_ALPHABET) if (total + i + wrong) % 31 == 0)


def number_plate(chance: Chance) -> str:
    series = "ABCDEFGHJKLMNPQRSTUVWXYZ"
    place = chance.pick("京沪粤浙苏川渝鄂湘闽") + chance.pick("ABCDEF")
    ways = (
        f"{place}{digits(chance, 5)}",
        f"{place}·{digits(chance, 3)}{chance.pick(series)}{digits(chance, 1)}",
        f"{place}{chance.pick('DF')}{digits(chance, 5)}",
        f"{place}{digits(chance, 5)}{chance.pick('DF')}",
        f"{place}{digits(chance, 4)}{chance.pick('学挂警')}",
    )
    return chance.weighted(ways, (4, 2, 2, 1, 1))


def email(chance: Chance) -> str:
    name = f"{letters(chance, 5)}{chance.pick(('', '.', '_', '-', '+'))}{letters(chance, 3)}{digits(chance, 2)}"
    return f"{name}@{chance.pick(('example.com', 'mail.example.cn', 'a-b.example.org', 'qq.example.com.cn'))}"


def ip(chance: Chance) -> str:
    if chance.happens(0.3):
        return chance.pick(("2001:db8::", "fe80::", "fd12:3456:789a::")) + f"{chance.between(1, 65535):x}"
    return f"{chance.between(1, 223)}.{chance.below(256)}.{chance.below(256)}.{chance.between(1, 254)}".replace(
        "127.", "10.", 1
    )


def url(chance: Chance) -> str:
    host = f"{letters(chance, 4)}.example.com"
    ways = (
        f"https://{letters(chance, 5)}:{letters(chance, 8)}@{host}/{letters(chance, 3)}",
        f"mysql://root:{digits(chance, 6)}@10.0.0.{chance.between(1, 9)}:3306/{letters(chance, 4)}",
        f"https://{host}/api?id=3&access_token={letters(chance, 16)}",
    )
    return chance.pick(ways)


def passport(chance: Chance) -> str:
    return chance.pick(
        (f"E{digits(chance, 8)}", f"G{digits(chance, 8)}", f"EA{digits(chance, 7)}", f"DE{digits(chance, 7)}")
    )


def travel_permit(chance: Chance) -> str:
    return chance.pick(
        (f"C{digits(chance, 8)}", f"CA{digits(chance, 7)}", f"L{digits(chance, 8)}", f"H{digits(chance, 10)}")
    )


def medical_record(chance: Chance) -> str:
    return chance.pick(
        (f"2{digits(chance, 7)}", f"ZY{digits(chance, 8)}", f"0{digits(chance, 9)}", f"B-{digits(chance, 6)}")
    )


SELF_EVIDENT: dict[str, Maker] = {
    "id_card": id_card_written,
    "mobile": mobile_written,
    "landline": landline,
    "bank_card": bank_card,
    "credit_code": credit_code,
    "number_plate": number_plate,
    "email": email,
    "ip": ip,
    "url": url,
}
NAMED: dict[str, tuple[Maker, tuple[str, ...]]] = {
    "passport": (passport, ("护照号", "护照号码：", "持护照", "护照(", "passport number: ", "Passport No. ")),
    "travel_permit": (
        travel_permit,
        ("港澳通行证", "通行证号：", "往来台湾通行证号码是", "回乡证号", "travel permit "),
    ),
    "medical_record": (medical_record, ("病历号", "住院号：", "门诊号是", "MRN: ", "病案号（", "medical record no. ")),
}
BEFORE = ("", "是", "，", "：", "（", "“", " ", "\n", "、", "7,", "5 ", "3：", "【", "😀", "の", "：\u3000", ";")
AFTER = ("", "谢", "。", "）", "”", " ", "\n", "，", ",8", " 9", "；", "】", "😀", "の", "/", "、6", "!")
OPENINGS = ("请记下", "登记信息", "联系方式", "他说", "Please note ", "资料", "")
ENDINGS = ("备查", "以上已核对", "其余从略", "thanks", "等", "")


def value_row(chance: Chance) -> Row:
    text = chance.pick(OPENINGS)
    findings: list[dict[str, object]] = []
    for kind in chance.sample((*SELF_EVIDENT, *NAMED), 1 + chance.below(3)):
        if kind in NAMED:
            make, names = NAMED[kind]
            text += chance.pick(("", "，", " ")) + chance.pick(names)
        else:
            make = SELF_EVIDENT[kind]
            text += apart(text, chance.pick(BEFORE))
        value = make(chance)
        findings.append({"kind": kind, "start": len(text), "end": len(text) + len(value)})
        text += value + (chance.pick(AFTER) if kind != "url" else chance.pick(("谢", "。", "，", " ", "\n", "😀")))
        text += "。" if is_latin(text[-1]) else ""
    return {"text": text + chance.pick(ENDINGS), "findings": findings, "lookalike": None}


def is_latin(character: str) -> bool:
    """Whether what follows could run into it: ASCII of either width, but no space."""
    half = unicodedata.normalize("NFKC", character)
    return half.isascii() and not half.isspace()


def apart(text: str, before: str) -> str:
    """What stands before a value; something must when an ASCII letter or digit would run into it."""
    return before or ("：" if text[-1:].isascii() and text[-1:].isalnum() else "")


LOOKALIKES: dict[str, Maker] = {
    "id card, wrong check": lambda c: f"流水{id_card(c, wrong=True)}号",
    "id card, no such day": lambda c: f"编码{id_card(c, day=c.pick(('19900231', '19901301', '20010931')))}结束",
    "id card, no such province": lambda c: f"编码{id_card(c, region='99' + digits(c, 4))}。",
    "id card inside a longer number": lambda c: f"串号{id_card(c)[:17]}5{digits(c, 3)}。",
    "mobile, no such prefix": lambda c: f"号码{c.pick(('100', '110', '120', '128'))}{digits(c, 8)}。",
    "mobile, one digit more": lambda c: f"批次{mobile(c)}{digits(c, 1)}件",
    "mobile, one digit less": lambda c: f"批次{mobile(c)[:-1]}件",
    "mobile inside letters": lambda c: f"型号A{mobile(c)}B和x{mobile(c)}",
    "decimal": lambda c: f"约等于3.{mobile(c)}，比值0.{luhn('622202' + digits(c, 12))}",
    "amount": lambda c: f"总额{mobile(c)}元，其中{mobile(c)}吨",
    "bank card, wrong check": lambda c: f"卡号{luhn('622202' + digits(c, 12), wrong=True)}有误",
    "milliseconds": lambda c: f"时间戳1{c.between(5, 7)}{digits(c, 11)}。",
    "order of a date": lambda c: f"订单2023{c.between(1, 12):02d}{c.between(1, 28):02d}{digits(c, 10)}已发",
    "book": lambda c: "书号978-7-302-" + digits(c, 5) + "-1，定价59元",
    "credit code, wrong check": lambda c: f"代码{credit_code(c, wrong=True)}有误",
    "credit code with I and O": lambda c: f"代码91110108MA0{letters(c, 6, 'IOSVZ')}X",
    "passport without its name": lambda c: f"订单号E{digits(c, 8)}已发货",
    "order beside a passport": lambda c: f"护照已收到，订单号G{digits(c, 8)}",
    "Beijing and a letter": lambda c: f"北京A{digits(c, 5)}室，最新B{digits(c, 5)}版",
    "plate of series I": lambda c: f"京I{digits(c, 5)}和京A{digits(c, 3)}",
    "picture": lambda c: f"图片logo{digits(c, 1)}@2x.png和icon@3x.jpg",
    "package": lambda c: f"安装vue@3.{digits(c, 1)}.1和@types/node@18.0.0",
    "repository": lambda c: f"克隆git@example.com:{letters(c, 5)}/{letters(c, 5)}.git",
    "user of no host": lambda c: f"登录{letters(c, 4)}@localhost，或者 @{letters(c, 6)}",
    "version": lambda c: f"版本{c.between(1, 9)}.{c.between(0, 9)}.{c.between(0, 99)}.{c.between(0, 99)}和v1.2.3.4",
    "no such address": lambda c: f"地址{c.between(256, 999)}.1.1.1和1.2.3，掩码255.255.255.0，本机127.0.0.1",
    "time": lambda c: f"{c.between(10, 23)}:{c.between(10, 59)}:{c.between(10, 59)}开始，比分3:2",
    "hardware": lambda c: "网卡" + ":".join(letters(c, 2, "0123456789abcdef") for _ in range(6)),
    "program": lambda c: f"std::{letters(c, 4)}和a::b以及dead::beef",
    "link": lambda c: f"见https://example.com/{letters(c, 4)}?id={digits(c, 4)}和https://example.com/@{letters(c, 4)}",
    "record without a number": lambda c: f"住院号未填，住院{c.between(1, 9)}天，门诊号2023年起用",
    "service line": lambda c: f"客服400-{digits(c, 3)}-{digits(c, 4)}或95588，报警110",
    "day and time": lambda c: f"2023-12-{c.between(10, 28)} 12:30:{c.between(10, 59)}，2023.12.31",
    "uuid": lambda c: (
        "-".join(letters(c, n, "0123456789abcdef") for n in (8, 4, 4, 4)) + "-" + letters(c, 12, "abcdef012")
    ),
    "hash": lambda c: f"校验{letters(c, 40, '0123456789abcdef')}通过",
    "stock and index": lambda c: f"股票600{digits(c, 3)}涨2.5%，上证3{digits(c, 3)}.12点",
    "chat account": lambda c: f"QQ群{c.between(1, 9)}{digits(c, 8)}，邮编100{digits(c, 3)}",
    "tag": lambda c: f"联系[手机号{c.between(1, 9)}]和[PHONE_{c.between(1, 9)}]，[病历号{c.between(1, 9)}]",
}


def lookalike_row(chance: Chance) -> Row:
    name = chance.pick(tuple(LOOKALIKES))
    text = chance.pick(OPENINGS) + LOOKALIKES[name](chance) + chance.pick(("", "。", "，谢谢"))
    return {"text": text, "findings": [], "lookalike": name}


def rows(seed: int, count: int) -> Iterator[Row]:
    """`count` rows, two with values for each look-alike; the first rows of a longer set are a shorter set."""
    chance = Chance(seed)
    for number in range(count):
        yield lookalike_row(chance) if number % 3 == 2 else value_row(chance)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("path", type=Path)
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=7)
    asked = parser.parse_args()
    lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows(asked.seed, asked.rows))
    asked.path.write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
