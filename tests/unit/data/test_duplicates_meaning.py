"""What is harmless is decided on the careful side: names, numbers and negations are never overlooked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrie.data.duplicates.habits import Habits
from finetrie.data.duplicates.meaning import GRAVITY, HARMLESS, SAYS, compare, much_differs
from finetrie.data.duplicates.tokens import clauses, content, plain, read_tokens, same_words_key

NO_HABITS = Habits(())
TREES = Habits(("紫薇树桩真好看", "老树桩发芽了", "树叶落在木桩上"))
"""A corpus in which 树桩 is a word and 树庄 is none."""
texts = st.text("今天气很好不去京3。， aB", max_size=14)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("ＡＢＣ　１２３", "abc 123", id="width and case"),
        pytest.param("今天 天气 好", "今天天气好", id="spaces between Chinese"),
        pytest.param("good  day\n", "Good day", id="white space"),
        pytest.param("零\u200b宽", "零宽", id="invisible characters"),
        pytest.param("第\u2028一行", "第一行", id="line separator"),
    ],
)
def test_how_a_text_is_typed_does_not_count(one: str, other: str) -> None:
    assert same_words_key(plain(one)) == same_words_key(plain(other))
    assert compare(plain(one), plain(other), NO_HABITS).sign == "same"


@pytest.mark.parametrize(("one", "other"), [("now here", "nowhere"), ("3 5", "35"), ("a-b", "ab"), ("好!", "好?")])
def test_other_words_and_marks_do_count(one: str, other: str) -> None:
    assert same_words_key(plain(one)) != same_words_key(plain(other))


def test_a_word_is_a_character_in_chinese_and_a_run_of_letters_in_english() -> None:
    assert content(plain("iPhone8 发布，don't 涨-5%！")) == ["iphone", "8", "发", "布", "don't", "涨", "-5%"]
    assert content(plain("！！😀")) == ["!", "!", "😀"]
    assert content("") == []


@given(texts)
def test_tokens_stand_where_they_say(text: str) -> None:
    reading = read_tokens(text)
    assert tuple(text[a:b] for a, b in zip(reading.starts, reading.ends, strict=True)) == reading.tokens
    assert "".join(reading.tokens) == "".join(text.split())


def test_clauses_end_at_punctuation_and_at_spaces_only_beside_chinese() -> None:
    assert clauses(plain("今天好，明天 也好! Good day, sir")) == ["今天好", "明天", "也好", "good day", "sir"]


@pytest.mark.parametrize(
    ("one", "other", "sign"),
    [
        ("今天天气很好，我们去爬山", "今天天气很好我们去爬山！", "punctuation"),
        ("孩子跟谁睡，就是谁的孩子", "孩子跟谁睡就是谁孩子吧", "punctuation"),
        ("他来了吗", "他来了吗？？", "punctuation"),
        ("深山发现紫薇树桩，做成盆景身价翻番", "做成盆景身价翻番，深山发现紫薇树桩", "order"),
        ("we saw the old house, it was raining hard", "it was raining hard; we saw the old house", "order"),
        ("深山发现紫薇树桩", "深山发现紫薇树庄", "slip"),
        ("深山发现紫薇树桩", "深山发现紫薇树啰桩", "slip"),
        ("深山发现梧桐叶子", "深山发现梧桐椰子", "wording"),
        ("we recieved the parcel yesterday", "we received the parcel yesterday", "slip"),
        ("我喜欢这部电影", "我不喜欢这部电影", "negation"),
        ("他今天没来上班", "他今天来上班", "negation"),
        ("he is coming today", "he isn't coming today", "negation"),
        ("he has no money left", "he has money left", "negation"),
        ("谢谢你来看我们", "非常谢谢你来看我们", "wording"),
        ("我们是平常人家", "我们是非常人家", "negation"),
        ("为什么呢", "笑什么呢", "wording"),
        ("全场2折起", "全场3折起", "number"),
        ("涨了5%", "涨了-5%", "number"),
        ("比分1-0结束", "比分10结束", "number"),
        ("共有三个人参加", "共有五个人参加", "number"),
        ("第一次来这里", "第二次来这里", "number"),
        ("周一开会讨论方案", "周日开会讨论方案", "number"),
        ("张伟获得冠军", "李伟获得冠军", "name"),
        ("王小明获得冠军", "王小红获得冠军", "name"),
        ("高先生获得冠军", "马先生获得冠军", "name"),
        ("中国队获得冠军", "美国队获得冠军", "name"),
        ("南京今天下雨", "北京今天下雨", "name"),
        ("特朗普发表讲话", "特朗善发表讲话", "name"),
        ("他在读《红楼梦》", "他在读《西游记》", "name"),
        ("华为Mate发布", "华为Nova发布", "name"),
        ("yesterday Alice won the race", "yesterday Clara won the race", "name"),
        ("这部手机涨价了", "这部手机降价了", "contrast"),
        ("小米发布新手机", "华为发布新手机", "wording"),
        ("this is legal today", "this is illegal today", "wording"),
        ("这部电影真好看😀", "这部电影真好看😡", "wording"),
        ("卖5€", "卖5$", "wording"),
        ("他用C++写程序", "他用C写程序", "wording"),
        ("公司评级为A+级", "公司评级为A-级", "wording"),
        ("this is a well-known fact", "this is a well known fact", "punctuation"),
    ],
)
def test_what_differs_has_a_sign(one: str, other: str, sign: str) -> None:
    left, right = plain(one), plain(other)
    assert compare(left, right, TREES).sign == sign
    assert compare(right, left, TREES).sign == sign


@given(texts, texts)
def test_a_difference_is_the_same_seen_from_either_side(one: str, other: str) -> None:
    left, right = plain(one), plain(other)
    assert compare(left, right, NO_HABITS).sign == compare(right, left, NO_HABITS).sign


@given(texts, texts)
def test_the_quick_look_says_what_the_comparison_says(one: str, other: str) -> None:
    left, right = plain(one), plain(other)
    assert much_differs(left, right) == (compare(left, right, NO_HABITS).sign == "other")


def test_the_quick_look_knows_moved_clauses_from_other_texts() -> None:
    left, right = "今天天气真的很好，我们一起去公园里玩", "我们一起去公园里玩，今天天气真的很好"
    assert compare(left, right, NO_HABITS).sign == "order"
    assert not much_differs(left, right)
    assert much_differs(left, "今天天气真的很好，他和同学在图书馆看书")


@given(texts, st.data())
def test_an_inserted_negation_is_never_harmless(text: str, data: st.DataObject) -> None:
    left = plain(text)
    place = data.draw(st.integers(0, len(left)))
    right = plain(left[:place] + data.draw(st.sampled_from("不没未无非别")) + left[place:])
    assert not compare(left, right, NO_HABITS).harmless


@given(texts, st.data())
def test_another_digit_is_never_harmless(text: str, data: st.DataObject) -> None:
    left = plain(text + "7" + data.draw(texts))
    right = left[: left.rindex("7")] + "8" + left[left.rindex("7") + 1 :]
    assert not compare(left, right, NO_HABITS).harmless


def test_the_gravest_difference_decides() -> None:
    found = compare(plain("今天，张伟2点来"), plain("今天李伟3点不来"), NO_HABITS)
    assert found.sign == "negation"
    assert found.pieces == ((",张", "李"), ("2", "3"), ("", "不"))


def test_a_slip_stands_where_only_one_of_the_texts_has_a_word() -> None:
    """京剧 and 话剧 are both words. Of 树桩 and 树庄 one is. Of two words that nobody knows, both may be names."""
    habits = Habits(
        plain(t) for t in ("他爱看京剧表演", "她爱看话剧表演", "大家看京剧演出", "我们看话剧演出", "紫薇树桩", "老树桩")
    )
    assert compare("昨天看京剧", "昨天看话剧", habits).sign == "wording"
    assert compare("村里在卖紫薇树桩", "村里在卖紫薇树庄", habits).sign == "slip"
    assert compare("卖紫薇树桩", "卖紫薇树庄", NO_HABITS).sign == "wording"


def test_whoever_slips_twice_slips_a_third_time() -> None:
    """The third character alone would be left in doubt."""
    habits = Habits(f"{text}{end}" for text in ("紫薇树桩", "盆景身价", "深山村民") for end in "甲乙")
    original, doubt = "深山村民卖紫薇树桩盆景身价看涨", "深山村民买紫薇树桩盆景身价看涨"
    slips = original.replace("树桩", "树庄").replace("盆景", "盆井")
    assert compare(original, slips, habits).sign == "slip"
    assert compare(original, original.replace("看", "渐"), habits).sign == "wording"
    assert compare(original, slips.replace("看", "渐"), habits).sign == "slip"
    assert (
        compare(original, slips.replace("卖", "买"), habits).sign == compare(original, doubt, habits).sign == "contrast"
    )


def test_short_clauses_are_not_moved_because_they_may_be_names() -> None:
    assert not compare("湖人，火箭", "火箭，湖人", NO_HABITS).harmless


def test_entities_that_agree_leave_no_name_to_look_for() -> None:
    one, other = "记者张伟在现场看见", "记者张伟在门口看见"
    assert compare(one, other, NO_HABITS).sign == "wording"
    assert compare(one, other, NO_HABITS, same_entities=True).sign == "outside"
    assert compare(one, other.replace("在", "没在"), NO_HABITS, same_entities=True).sign == "negation"
    assert compare("他是农民", "他是工人", NO_HABITS, same_entities=True).sign == "wording"  # half of the text
    surname = "杨先生谈张伟在现场的见闻", "邱先生谈张伟在现场的见闻"
    assert compare(*surname, NO_HABITS, same_entities=True).sign == "name"  # the annotation has missed them


def test_texts_too_long_to_align_are_left_to_the_user() -> None:
    long = "今天天气很好" * 4000
    assert compare(long, long + "啊", NO_HABITS).sign == "unexamined"


def test_every_sign_is_explained() -> None:
    assert HARMLESS | set(GRAVITY) <= set(SAYS)
