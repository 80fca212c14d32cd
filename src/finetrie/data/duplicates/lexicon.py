"""Words and characters that carry a meaning of their own, or none: negations, numbers, names, particles.

Short lists of common knowledge. They only ever make the search more careful: what stands in one of the meaningful
ones is kept, and what stands in none of them is judged by other evidence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

NEGATIONS = frozenset("不没未无非别勿莫否禁拒反免停缺失毋弗") | {
    *("not", "no", "never", "none", "nor", "neither", "without", "cannot", "nothing", "nobody", "nowhere", "hardly"),
    *("isnt", "dont", "doesnt", "didnt", "wont", "cant", "aint", "unless", "except", "against", "anti", "non"),
}
_NO_NEGATION = re.compile(r"\b(?:非 常|特 别|分 别|别 人|不 仅|不 但|无 论)\b")
"""Words that hold a negation and do not negate, their characters parted by spaces."""

NUMERALS = frozenset("零〇一二三四五六七八九十百千万亿两半双倍壹贰叁肆伍陆柒捌玖拾佰仟首末") | {
    *("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "dozen"),
    *("hundred", "thousand", "million", "billion", "first", "second", "third", "half", "double", "twice"),
}
COUNTED = NUMERALS | frozenset("第周期初")
"""What stands before a number."""

OPERATORS = "+#*=<>&@^"
"""Marks that are a part of the name or the formula they touch."""

PARTICLES = frozenset("的地得了着过吗呢吧啊呀哦嘛啦哈呗哇嗯") | {"a", "an", "the"}
CONTRASTS = frozenset(
    "大小多少高低上下前后左右东西南北内外里男女老新旧好坏快慢长短轻重远近冷热进出来去买卖涨跌升降增减"
    "输赢胜负败攻守开关生死存亡爱恨正真假有早晚父母夫妻兄弟姐妹爷奶儿孙春夏秋冬黑白红黄蓝绿金银"
    "你我他她它您俺咱这那谁年月日时天周季能会可应该敢须将已曾"
)
"""Characters each of which says something else in the place of another one."""

SURNAMES = frozenset(
    "王李张刘陈杨赵吴徐孙胡朱郭罗梁宋郑谢韩唐冯董萧曹袁邓傅沈曾彭吕苏卢蒋蔡贾魏薛阎潘杜戴姜姚谭廖邹熊陆郝崔邱秦"
    "侯邵孟尹黎龚欧阮倪严俞翁庞柯祝骆裴"
)
AMBIGUOUS_SURNAMES = frozenset(
    "高马林何于程许丁叶余钟汪田任范方石金孔白康毛江史顾龙万段钱汤易常武文贺赖施牛温安黄周夏焦洪季成柳"
)
"""Surnames that are common words as well: they count only in the place of another surname."""

PLACE_ENDINGS = frozenset("国省市县区州镇乡村港岛山河江湖海路街站城寺桥湾党派军队台")
TRANSLITERATION = frozenset(
    "阿埃艾奥巴贝比伯布查达丹德迪蒂杜尔法费弗佛盖格戈赫亨胡霍基吉加杰卡凯科克库拉莱兰朗勒雷莉丽琳卢鲁伦罗洛马玛迈曼"
    "梅蒙米密莫墨姆穆娜纳内尼妮诺欧帕派佩皮普奇乔琼瑞萨塞桑莎沙珊圣史斯丝司索苏塔泰坦汤唐特托威维韦魏沃乌希逊亚雅扬耶"
    "伊约泽詹兹诸茨蕾黛芬顿夫门廷根逸"
)
"""Characters that spell foreign names. Three in a row are taken for one."""

_PLACE_NAMES = """
中国 美国 英国 法国 德国 俄国 韩国 泰国 日本 印度 俄罗斯 加拿大 澳大利亚 新西兰 巴西 阿根廷 智利 墨西哥 古巴 秘鲁
哥伦比亚 委内瑞拉 意大利 西班牙 葡萄牙 荷兰 比利时 瑞士 瑞典 挪威 芬兰 丹麦 冰岛 波兰 捷克 奥地利 匈牙利 希腊 土耳其
乌克兰 罗马尼亚 塞尔维亚 克罗地亚 保加利亚 爱尔兰 以色列 伊朗 伊拉克 叙利亚 沙特 约旦 科威特 卡塔尔 阿联酋 也门
巴勒斯坦 黎巴嫩 埃及 南非 尼日利亚 肯尼亚 埃塞俄比亚 利比亚 苏丹 摩洛哥 阿尔及利亚 朝鲜 蒙古 越南 老挝 缅甸 柬埔寨
马来西亚 新加坡 印尼 菲律宾 文莱 巴基斯坦 阿富汗 孟加拉 尼泊尔 斯里兰卡 哈萨克 欧洲 亚洲 非洲 美洲 南美 北美 欧盟
北京 天津 上海 重庆 河北 山西 辽宁 吉林 黑龙江 江苏 浙江 安徽 福建 江西 山东 河南 湖北 湖南 广东 海南 四川 贵州 云南
陕西 甘肃 青海 台湾 内蒙古 广西 西藏 宁夏 新疆 香港 澳门 广州 深圳 杭州 南京 苏州 成都 武汉 西安 郑州 长沙 沈阳 大连
青岛 济南 厦门 福州 宁波 合肥 昆明 哈尔滨 长春 石家庄 太原 南昌 南宁 贵阳 兰州 海口 三亚 呼和浩特 乌鲁木齐 拉萨 银川
西宁 洛阳 开封 无锡 常州 徐州 扬州 温州 绍兴 嘉兴 金华 台州 泉州 漳州 珠海 佛山 东莞 中山 惠州 汕头 湛江 桂林 柳州
绵阳 宜昌 襄阳 荆州 岳阳 株洲 湘潭 唐山 保定 邯郸 秦皇岛 大同 包头 鞍山 抚顺 烟台 潍坊 威海 临沂 淄博 芜湖 蚌埠 赣州
九江 遵义 大理 丽江 咸阳 延安 台北 高雄 台中 台南 东京 大阪 京都 首尔 釜山 平壤 曼谷 河内 纽约 华盛顿 洛杉矶 芝加哥
波士顿 旧金山 伦敦 巴黎 柏林 莫斯科 罗马 米兰 马德里 巴塞罗那 悉尼 墨尔本 多伦多 开罗 迪拜
"""
"""Countries and regions of the world, provinces, and large cities."""

PLACES = frozenset(_PLACE_NAMES.split())
LONGEST_PLACE = max(map(len, PLACES))
PLACE = re.compile("|".join(sorted(PLACES, key=lambda place: (-len(place), place))))

QUOTED = re.compile(
    "《[^《》]{1,60}》|〈[^〈〉]{1,60}〉|“[^“”]{1,60}”|‘[^‘’]{1,60}’|「[^「」]{1,60}」|『[^『』]{1,60}』|【[^【】]{1,60}】"
    '|"[^"]{1,60}"|#[^#]{1,60}#'
)
"""Titles and quotations: what stands in them names something."""


def negations(words: Iterable[str]) -> int:
    """How many of these lower-case words turn a sentence into its opposite: 不, not, didn't; but not the 非 of 非常."""
    left = _NO_NEGATION.sub("", " ".join(words)).split()
    return sum(word in NEGATIONS or word.endswith(("n't", "n’t")) for word in left)
