"""Invented people and organisations, invented and real places: the named entities of the sample.

Names are composed from parts, so that most names of the test rows never occur in training.
"""

# ruff: noqa: E501, SIM905 - word lists read best as words

from __future__ import annotations

from finetrie.data.sample.chance import Chance

SURNAMES: tuple[str, ...] = (
    *"王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶余潘杜戴夏钟汪田任姜范方石"
    "姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段",
    *("欧阳", "上官", "司徒", "慕容", "诸葛"),
)
GIVEN_FIRST = "思雨子文嘉俊浩晓雅泽梓明建志国海永春秋宏庆景承云若静慧佳立世书远启彦允知昕昭砚淑桂兆继维"
GIVEN_SECOND = "远涵轩琪宁博航彤源辰熙楠瑶岩峰磊华军平强梅兰芳荣昌林东泉鸿川溪舟恺翔岚婷颖超群贤章毅松"
GIVEN_SINGLE = "澈屿砚珩榕湛笙钰琰骁晟恺湉菡蔚"

PROVINCES = (
    "江苏 浙江 安徽 福建 江西 山东 河南 湖北 湖南 广东 海南 四川 贵州 云南 陕西 甘肃 青海 河北 山西 辽宁 吉林 黑龙江 "
    "广西 宁夏 新疆 西藏 内蒙古"
).split()
CITIES = (
    "北京 上海 天津 重庆 南京 苏州 无锡 常州 扬州 杭州 宁波 温州 绍兴 金华 合肥 芜湖 福州 厦门 泉州 南昌 赣州 济南 青岛 烟台 潍坊 "
    "郑州 洛阳 开封 武汉 宜昌 襄阳 长沙 株洲 岳阳 广州 深圳 珠海 佛山 东莞 海口 三亚 成都 绵阳 乐山 贵阳 遵义 昆明 大理 丽江 西安 "
    "咸阳 宝鸡 兰州 西宁 石家庄 保定 太原 大同 沈阳 大连 长春 哈尔滨 南宁 桂林 银川 乌鲁木齐 拉萨 呼和浩特 徐州 嘉兴 湖州"
).split()
COUNTIES = "安吉县 德清县 桐庐县 凤凰县 歙县 黟县 平遥县 婺源县 阳朔县 霍山县 临海市 昆山市 义乌市 晋江市 都江堰市 敦煌市".split()
COUNTRIES = "新加坡 日本 韩国 泰国 越南 马来西亚 德国 法国 意大利 西班牙 英国 美国 加拿大 巴西 澳大利亚 埃及 肯尼亚 瑞士".split()

ROOT_FIRST = "星云海瑞恒华新东天宏金银远明启博联创盛泰安和康嘉瀚凌晨青蓝白鼎中北南锦"
ROOT_SECOND = "澜图岳拓川域禾晟润茂驰峰成达诚信元科光途景源宇维智森荣汇沃帆翼石岭桥"
PLACE_FIRST = "青白云龙凤石清松竹梅金银玉碧翠望临长平安永东西南北红紫黄大小双三五九"
PLACE_SECOND = "溪泉岭石湾浦坪塘沙岩林柳桥门坡江谷峡屏渡台城洋川杨荷"
NATURE = "山 湖 河 岛 湿地 峡谷 水库 森林公园 草原 江".split()
STREET = "路 广场 公园 大桥 街 古镇 老街 火车站 机场 地铁站 码头 新区 工业园 体育馆 会展中心".split()
MASCOTS = "飞虎 雄狮 蓝鲸 猎鹰 火箭龙 雪豹 海燕 战马 金牛 白鲨 银狐 麒麟".split()

FIRST_NAMES = (
    "Alma Bruno Carla Dorian Edith Felix Greta Hugo Irene Jonas Karin Leon Mara Nils Oscar Paula Quentin Rosa Stefan Tessa "
    "Ulric Vera Wendell Yara Zoe Amir Bela Chandra Deepa Emeka Farah Goran Hana Ivo Jia Kofi Lena Milan Nadia Omar"
).split()
LAST_NAMES = (
    "Abbott Barlow Castell Dunmore Ekholm Farrow Grainger Hadley Ibsen Jarvis Kessler Lindqvist Marlow Norwood Okafor Pell "
    "Quist Rowntree Sandoval Thorne Ulvang Vance Whitlock Yardley Zeller Achterberg Brisk Coombe Drake Ellery Forsyth Gale"
).split()
ENGLISH_CITIES = (
    "London Leeds Bristol Dublin Oslo Berlin Munich Vienna Lisbon Madrid Milan Boston Denver Austin Toronto Sydney Perth "
    "Nairobi Cairo Mumbai Seoul Osaka Singapore Norway Portugal Kenya Canada Chile Iceland Scotland Poland Finland"
).split()
ENGLISH_ROOTS = (
    "Northgate Helix Alder Bluestone Corvus Fairmont Granite Harbor Juniper Keystone Lakeside Meridian Orchard Pinnacle "
    "Redwood Silverline Summit Tidewater Vector Westbrook Larkspur Ironbridge Cobalt Ember Foxglove"
).split()
ENGLISH_PLACES = (
    "Lake|Mount|Cape|Port".split("|"),
    "Orrin Fell Tarn Brava Lowen Callow Merrin Drummond Selby Arden Kestrel Wynn".split(),
)
ENGLISH_STREETS = "Square|Park|Bridge|Station|Airport|Harbour|Valley|Street".split("|")

ORGANISATIONS = {
    "体育": "{G}{M}队 {R}足球俱乐部 {R}篮球俱乐部 {G}田径协会 {G}{R}排球队 {R}体育".split(),
    "财经": "{R}证券 {R}银行 {R}基金 {R}控股集团 {G}{R}投资有限公司 {R}保险".split(),
    "科技": "{R}科技 {R}智能 {R}软件公司 {R}实验室 {G}{R}信息技术有限公司 {R}航天".split(),
    "教育": "{R}大学 {G}第{N}中学 {R}学院 {G}{R}实验小学 {R}师范大学 {G}教育局".split(),
    "健康": "{G}第{N}人民医院 {R}医院 {R}生物医药 {G}疾控中心 {R}药业 {R}医科大学".split(),
    "娱乐": "{R}影业 {R}传媒 {R}剧院 {R}乐团 {G}{R}话剧社 {R}唱片公司".split(),
    "旅游": "{R}旅行社 {R}文旅集团 {R}航空 {G}文旅局 {R}酒店 {R}邮轮公司".split(),
    "汽车": "{R}汽车 {R}动力 {R}电池公司 {G}{R}客车厂 {R}出行 {R}轮胎".split(),
    "房产": "{R}地产 {R}置业 {R}物业 {G}住建局 {G}{R}房地产开发有限公司 {R}建筑集团".split(),
    "农业": "{R}农业合作社 {R}种业 {R}乳业 {G}农技推广站 {R}粮油 {G}{R}果业公司".split(),
}
ENGLISH_ORGANISATIONS = {
    "体育": ["{R} United", "{R} Rovers", "{R} Athletic Club"],
    "财经": ["{R} Bank", "{R} Capital", "{R} Insurance"],
    "科技": ["{R} Robotics", "{R} Software", "{R} Labs"],
    "教育": ["{R} University", "{R} College", "{R} Primary School"],
    "健康": ["{R} Hospital", "{R} Clinic", "{R} Pharma"],
    "娱乐": ["{R} Pictures", "{R} Records", "{R} Theatre Company"],
    "旅游": ["{R} Travel", "{R} Airways", "{R} Hotels"],
    "汽车": ["{R} Motors", "{R} Mobility", "{R} Batteries"],
    "房产": ["{R} Homes", "{R} Property Group", "{R} Estates"],
    "农业": ["{R} Farms", "{R} Dairy", "{R} Seeds"],
}


def person(chance: Chance, language: str) -> str:
    if language == "en":
        return f"{chance.pick(FIRST_NAMES)} {chance.pick(LAST_NAMES)}"
    if chance.happens(0.15):
        return chance.pick(SURNAMES) + chance.pick(GIVEN_SINGLE)
    return chance.pick(SURNAMES) + chance.pick(GIVEN_FIRST) + chance.pick(GIVEN_SECOND)


def state(chance: Chance, language: str) -> str:
    """A country, province, city or county: what the sample calls a geo-political entity."""
    if language == "en":
        return chance.pick(ENGLISH_CITIES)
    names = chance.weighted((CITIES, PROVINCES, COUNTIES, COUNTRIES), (6, 2, 1, 2))
    name = chance.pick(names)
    if names is CITIES and chance.happens(0.2):
        return name + "市"
    if names is PROVINCES and name not in ("内蒙古", "广西", "宁夏", "新疆", "西藏") and chance.happens(0.2):
        return name + "省"
    return name


def place(chance: Chance, language: str) -> str:
    """A mountain, lake, road, station, park: a place that governs nobody."""
    if language == "en":
        kinds, roots = ENGLISH_PLACES
        root = chance.pick(roots)
        return f"{chance.pick(kinds)} {root}" if chance.happens(0.5) else f"{root} {chance.pick(ENGLISH_STREETS)}"
    return chance.pick(PLACE_FIRST) + chance.pick(PLACE_SECOND) + chance.pick(NATURE if chance.happens(0.4) else STREET)


def root(chance: Chance, language: str) -> str:
    """The part of an organisation's name that is its own."""
    return chance.pick(ENGLISH_ROOTS) if language == "en" else chance.pick(ROOT_FIRST) + chance.pick(ROOT_SECOND)


def organisation(chance: Chance, language: str, label: str) -> str:
    """A company, school, club or office as one meets them in news of this class."""
    patterns = (ENGLISH_ORGANISATIONS if language == "en" else ORGANISATIONS)[label]
    return (
        chance.pick(patterns)
        .replace("{R}", root(chance, language))
        .replace("{G}", chance.pick(CITIES))
        .replace("{M}", chance.pick(MASCOTS))
        .replace("{N}", chance.pick("一二三四五六七八九"))
    )
