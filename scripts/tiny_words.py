"""Word lists for the exercises that `finetrie/tiny` learns from: everyday things, no news classes."""

# ruff: noqa: E501, SIM905 - word lists read best as words

from __future__ import annotations

KINDS: dict[str, tuple[str, str, list[str], list[str]]] = {
    # Chinese name, English name, Chinese words, English words
    "animal": ("动物", "ANIMAL", "老虎 狮子 大象 兔子 松鼠 狐狸 猴子 熊猫 长颈鹿 斑马 河马 企鹅 海豚 鲸鱼 乌龟 青蛙 蛇 鹰 麻雀 孔雀 猫头鹰 蝴蝶 蚂蚁 山羊 骆驼 刺猬 蝙蝠 鸽子".split(),
               "tiger lion elephant rabbit squirrel fox monkey panda giraffe zebra penguin dolphin whale turtle frog snake eagle sparrow owl goat camel".split()),
    "food": ("食物", "FOOD", "面包 米饭 饺子 馒头 豆腐 烤鸭 火锅 汤圆 蛋糕 饼干 巧克力 冰淇淋 披萨 寿司 粽子 月饼 烧卖 馄饨 煎饼 红烧肉 炒面 沙拉 奶酪 香肠".split(),
             "bread noodles dumplings tofu cake cookies chocolate pizza sushi salad cheese sausage soup pancake pie pudding".split()),
    "colour": ("颜色", "COLOUR", "红色 蓝色 绿色 黄色 白色 黑色 紫色 粉色 灰色 橙色 棕色 米色 天蓝色 墨绿色 金色 银色".split(),
               "red blue green yellow white black purple pink grey orange brown beige silver".split()),
    "tool": ("工具", "TOOL", "锤子 钳子 螺丝刀 扳手 锯子 剪刀 铁锹 梯子 钻头 尺子 镊子 斧头 刨子 水平仪 胶带 绳子 锉刀 凿子".split(),
             "hammer pliers screwdriver wrench saw scissors shovel ladder drill ruler tweezers axe rope chisel".split()),
    "instrument": ("乐器", "INSTRUMENT", "钢琴 小提琴 吉他 古筝 二胡 琵琶 笛子 萨克斯 大提琴 竖琴 手风琴 口琴 架子鼓 唢呐 葫芦丝 圆号".split(),
                   "piano violin guitar flute cello harp accordion trumpet clarinet drum oboe".split()),
    "clothing": ("服装", "CLOTHING", "衬衫 毛衣 裙子 裤子 外套 帽子 围巾 手套 袜子 雨衣 羽绒服 西装 旗袍 睡衣 拖鞋 靴子 背心 领带".split(),
                 "shirt sweater skirt trousers coat hat scarf gloves socks raincoat suit pyjamas slippers boots tie".split()),
    "plant": ("植物", "PLANT", "玫瑰 牡丹 菊花 兰花 仙人掌 荷花 向日葵 郁金香 薄荷 常春藤 银杏 梧桐 桂花 竹子 薰衣草 绿萝 松树 水仙".split(),
              "rose lotus tulip cactus orchid sunflower mint ivy bamboo lavender pine daffodil".split()),
    "furniture": ("家具", "FURNITURE", "沙发 书桌 椅子 衣柜 床头柜 茶几 书架 餐桌 鞋柜 梳妆台 板凳 屏风 摇椅 躺椅".split(),
                  "sofa desk chair wardrobe bookshelf table stool cupboard bench armchair".split()),
    "job": ("职业", "JOB", "木匠 裁缝 理发师 消防员 邮递员 厨师 画家 摄影师 翻译 律师 会计 保安 司机 园丁 渔夫 钟表匠 铁匠 花匠".split(),
            "carpenter tailor barber firefighter postman cook painter photographer translator lawyer gardener fisherman".split()),
    "weather": ("天气", "WEATHER", "晴天 暴雨 大雪 冰雹 雾霾 雷阵雨 沙尘暴 多云 阴天 小雨 台风 霜冻 大风 毛毛雨".split(),
                "sunshine rainstorm snow hail fog thunder drizzle frost typhoon".split()),
    "drink": ("饮料", "DRINK", "咖啡 红茶 绿茶 果汁 牛奶 豆浆 可乐 汽水 啤酒 柠檬水 酸梅汤 奶茶 矿泉水 热可可".split(),
              "coffee tea juice milk lemonade cola beer cocoa water".split()),
    "stationery": ("文具", "STATIONERY", "铅笔 钢笔 橡皮 圆规 笔记本 文件夹 订书机 墨水 毛笔 荧光笔 信封 回形针 三角板 胶水".split(),
                   "pencil pen eraser compass notebook folder stapler ink envelope glue".split()),
    "toy": ("玩具", "TOY", "积木 风筝 陀螺 拼图 布娃娃 跳绳 弹珠 魔方 木马 气球 泡泡机 沙包 竹蜻蜓 七巧板".split(),
            "blocks kite puzzle doll marbles balloon yo-yo teddy".split()),
    "kitchenware": ("厨具", "KITCHENWARE", "炒锅 菜刀 砧板 蒸笼 勺子 筷子 水壶 擀面杖 漏勺 电饭煲 烤箱 砂锅 盘子 碗".split(),
                    "wok knife spoon chopsticks kettle oven plate bowl pot ladle".split()),
}  # fmt: skip

# Kinds whose members are made up on the spot: only their shape and their surroundings give them away.
MADE_UP = {
    "product": ("产品", "PRODUCT", ("手机", "相机", "耳机", "音箱", "台灯", "手表", "牙刷", "风扇", "水杯", "书包")),
    "ship": ("船只", "SHIP", ("号",)),
    "dish": ("菜名", "DISH", ("汤", "饼", "面", "羹", "糕", "粥", "丝", "丸子")),
    "book": ("书名", "BOOK", ("记", "传", "集", "录", "谈", "之歌", "往事", "手册")),
    "pet": ("宠物", "PET", ("宝", "球", "豆", "花", "咪", "点")),
    "shop": ("店铺", "SHOP", ("铺", "坊", "小馆", "书屋", "杂货", "茶庄", "布店", "面包房")),
    "game": ("游戏", "GAME", ("大冒险", "迷阵", "传说", "争霸", "棋")),
    "bridge": ("桥梁", "BRIDGE", ("桥",)),
    "code": ("编号", "CODE", ()),
    "date": ("日期", "DATE", ()),
    "amount": ("数量", "AMOUNT", ()),
}

SENTENCES_ZH = """
奶奶把{x}放在门口。
他昨天买了{x}和{y}。
院子里有{x}，旁边还有{y}。
孩子们围着{x}看了很久。
我更喜欢{x}，不太喜欢{y}。
{x}不见了，大家到处找。
桌上摆着{x}、{y}和{z}。
请把{x}递给我。
邻居说{x}比{y}贵。
从早到晚，她都在谈{x}。
店里只剩下{x}了。
先看到{x}，后来又看到{y}。
照片上是{x}，不是{y}。
老师在黑板上画了{x}。
{x}旁边写着小小的说明。
因为{x}，我们把{y}忘在了家里。
箱子里装着{x}和一些旧报纸。
有人送来{x}，还附了一张纸条。
他用{y}换了{x}。
听说{x}明天就到，{y}要等到下周。
""".split()
SENTENCES_EN = """
My aunt put the {x} by the door.
He bought a {x} and a {y} yesterday.
There is a {x} in the yard next to the {y}.
I like the {x} more than the {y}.
The {x} is gone and nobody knows why.
On the table stood a {x}, a {y} and a {z}.
Please hand me the {x}.
They talked about the {x} all day.
The picture shows a {x}, not a {y}.
She traded her {y} for a {x}.
""".strip().splitlines()
PLAIN_ZH = """
天还没亮，村口已经有人走动。
窗外的雨下了整整一夜。
大家安静地坐着，谁也没有先开口。
时间过得很快，转眼又到了年底。
那条小路两边长满了草。
他想了想，还是决定再等一天。
屋里的灯一直亮着。
电话响了三声，没有人接。
我把信又读了一遍，慢慢折好。
火车晚点了半个小时。
他们沿着河走，一路上没有说话。
这件事后来再也没有人提起。
""".split()
PLAIN_EN = """
It rained all night.
Nobody spoke for a long time.
The train was half an hour late.
The light in the room stayed on.
They walked along the road in silence.
I read the letter again and folded it.
""".strip().splitlines()

MOODS = {
    ("正面", "positive"): ("很开心 太满意了 非常喜欢 真是惊喜 做得漂亮 值得推荐 让人安心 越用越爱".split(), ["wonderful", "a great surprise", "well made", "worth every penny", "lovely"]),
    ("负面", "negative"): ("很失望 太糟糕了 非常讨厌 真让人生气 做得粗糙 千万别买 让人心烦 越用越烦".split(), ["terrible", "a bad surprise", "badly made", "a waste of money", "awful"]),
    ("中性", "neutral"): ("还可以 一般般 没什么感觉 和平常一样 不好不坏 说得过去".split(), ["just okay", "average", "neither good nor bad", "as usual"]),
}  # fmt: skip
SEASONS = {
    ("春天", "spring"): ("燕子归来 桃花开了 小草发芽 冰雪融化 放风筝的人多了".split(), ["the buds opened", "the snow melted", "swallows returned"]),
    ("夏天", "summer"): ("知了叫个不停 荷花盛开 大家都吃西瓜 空调开到深夜 孩子们去游水".split(), ["cicadas sang", "everyone went swimming", "it was too hot to sleep"]),
    ("秋天", "autumn"): ("树叶变黄了 桂花飘香 大雁南飞 柿子熟了 天高云淡".split(), ["leaves turned yellow", "geese flew south", "the nuts fell"]),
    ("冬天", "winter"): ("河面结了冰 大家堆雪人 呼出的气变成白雾 屋檐挂着冰柱 人们围着火炉".split(), ["the lake froze", "children built a snowman", "icicles hung from the roof"]),
}  # fmt: skip

# Words that people use as labels. Exercises use them as names without meaning, so that each is a token the model has
# read and written, and none is tied to a class of news or a kind of name.
LABEL_WORDS = (
    "体育 财经 科技 教育 健康 娱乐 旅游 汽车 房产 农业 社会 经济 政治 文化 历史 艺术 环境 交通 军事 法律 "
    "人名 地名 地点 机构 组织 地理实体 国家 城市 公司 学校 人物 新闻 标题 主题 正面 负面 是 否 有 没有 甲 乙 丙 丁 A B C D "
    "PER ORG LOC GPE sports finance technology education health travel positive negative person place organisation"
).split()
