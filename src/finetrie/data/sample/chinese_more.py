"""Chinese news of ten classes: words and sentence plans, second half."""

from __future__ import annotations

from finetrie.data.sample.grammar import topic

SHOW = topic(
    "娱乐",
    {
        "work": "电影 电视剧 话剧 音乐剧 专辑 综艺 纪录片 动画片 短剧 单曲 舞剧 脱口秀",
        "event": "首映礼 演唱会 颁奖典礼 电影节 路演 开机仪式 见面会 音乐节 巡演",
        "praise": "口碑走高 票房破亿 一票难求 登上热搜 获最佳导演 引发怀旧潮 收视夺冠 评分走低 惹来争议",
        "role": "导演 编剧 歌手 演员 制片人 主持人 作曲家 童星 影帝",
    },
    """
    {PER}新{work}定档 {PER2}加盟
    {role}{PER}亮相{GPE}{event}
    {ORG}出品{work}{praise}
    {PER}{event}在{GPE}{praise}
    {work}曝光预告 {PER}挑战反派
    """,
    """
    由{PER}执导的{work}{day}上映，首日即{praise}。
    {role}{PER}现身{GPE}{event}，分享幕后故事。
    {ORG}宣布，{work}主演为{PER}和{PER2}。
    {PER}在{event}上演唱了新歌，全场合唱。
    {ORG}制作的{work}{praise}，续集已在筹备。
    {role}{PER}透露，拍{work}时在{LOC}住了两个月。
    {event}门票开售即罄，{ORG}决定在{GPE}加演一场。
    {PER}否认与{PER2}的恋情，称只是对戏。
    观众评价这部{work}节奏明快，{role}{PER}表现抢眼。
    {ORG}把经典小说改编成{work}，由{PER}担任{role}。
    粉丝在{LOC}外等候多时，{PER}下车签名。
    {work}配乐由{ORG2}演奏，{praise}。
    """,
)

TRAVEL = topic(
    "旅游",
    {
        "spot": "景区 古镇 海滩 民宿 博物馆 主题乐园 滑雪场 温泉 夜市 露营地 邮轮航线 观景台",
        "trip": "亲子游 自驾游 跟团游 周末游 出境游 避暑游 研学游 红色旅游 徒步 赏花",
        "do": "门票半价 预约入园 延长开放时间 限流 推出联票 开通直达专线 免签 客流创新高 打造夜游项目",
        "role": "导游 游客 领队 民宿老板 讲解员 旅行达人",
    },
    """
    {LOC}{spot}{do}
    {GPE}{trip}升温 {spot}预订增长{pct}
    假期{GPE}接待游客{n}万人次
    {ORG}开通{GPE}至{GPE2}航线
    {role}{PER}带你走进{LOC}
    """,
    """
    {day}起，{LOC}{spot}{do}。
    假期前三天，{GPE}接待游客{n}万人次，{trip}最受欢迎。
    {ORG}推出{GPE}{trip}线路，途经{LOC}。
    {role}{PER}说，{spot}的风光比照片更美。
    为迎接旺季，{GPE}的{spot}{do}。
    {PER}一家选择{trip}，在{LOC}看日出。
    {ORG}在{GPE}开设第{few}家酒店，靠近{LOC}。
    {GPE}对{GPE2}游客{do}，签证办理更方便。
    {spot}提醒游客错峰出行，{LOC}停车位有限。
    {role}{PER}用镜头记录{GPE}的{spot}。
    入境游回暖，{GPE}口岸客流同比增长{pct}。
    {ORG}新增{spot}产品，人均消费{n}元。
    """,
)

CARS = topic(
    "汽车",
    {
        "car": "轿车 电动车 皮卡 混动车型 越野车 旗舰车 小型车 跑车 客车 重型卡车 新能源车",
        "part": "电池 发动机 变速箱 底盘 刹车系统 轮胎 安全气囊 方向盘 车载屏幕 激光雷达",
        "do": "正式上市 启动预售 宣布召回 下线第百万辆 开始路测 降价促销 通过碰撞测试 交付首批车主 续航破千公里",
        "role": "车主 试驾员 总工程师 销售经理 设计师 赛车手",
    },
    """
    {ORG}新款{car}{do}
    {ORG}因{part}问题召回{n}辆{car}
    {car}销量上涨{pct} {ORG}领跑
    {PER}试驾{ORG}{car}
    {GPE}出台{car}补贴政策
    """,
    """
    {ORG}旗下{car}{day}在{GPE}{do}，起售价{few}万元。
    因{part}存在隐患，{ORG}召回{n}辆{car}。
    {role}{PER}表示，这台{car}的{part}明显升级。
    {ORG}{GPE}工厂投产，年产{car}{n}万辆。
    试驾中，{PER}对{car}的{part}印象深刻。
    {ORG}与{ORG2}就{part}供应达成协议。
    上月{car}销量同比增长{pct}，{ORG}排名第一。
    {car}在{LOC}完成高温测试，百公里油耗下降{pct}。
    {GPE}鼓励以旧换新，购买{car}最高补贴{n}元。
    {role}{PER}投诉{part}异响，{ORG}承诺免费更换。
    {ORG}第{n}万辆{car}驶下生产线。
    车展上，{ORG}的{car}{do}，{PER}亲自讲解。
    """,
)

HOMES = topic(
    "房产",
    {
        "home": "新房 二手房 公寓 学区房 别墅 保障房 写字楼 商铺 安置房 现房",
        "rule": "首付比例 公积金额度 限购政策 契税 房贷利率 土地出让价 物业费 租金",
        "do": "开盘售罄 均价回落 延期交付 降价促销 摇号选房 挂牌量上升 加推房源 竣工备案 拍卖成交",
        "role": "业主 购房者 中介 开发商 售楼员 租客 建筑师",
    },
    """
    {GPE}调整{rule}
    {ORG}{LOC}项目{do}
    {GPE}{home}{do}
    {ORG}以{money}拿下{GPE}地块
    {home}成交量增长{pct} {role}观望
    """,
    """
    {GPE}{day}发布通知，下调{rule}。
    {ORG}开发的{home}位于{LOC}，{day}{do}。
    {role}{PER}看了{few}套{home}，仍拿不定主意。
    {GPE}{home}均价每平方米{n}元，环比下降{pct}。
    {ORG}以{money}竞得{LOC}旁一宗住宅用地。
    小区{role}{PER}反映，{ORG}收取的{rule}偏高。
    {GPE}上月{home}{do}，库存去化周期缩短。
    {ORG}承诺年底前交房，{role}们终于松了口气。
    老旧小区加装电梯，{LOC}一带{n}户受益。
    {role}{PER}在{GPE}签下{home}购买合同。
    装修验收时，{PER}发现{home}墙面渗水。
    {ORG2}接管小区后，{rule}更加透明。
    """,
)

FARM = topic(
    "农业",
    {
        "crop": "小麦 水稻 玉米 大豆 苹果 柑橘 茶叶 棉花 马铃薯 油菜 草莓 蔬菜 花生 葡萄",
        "stock": "生猪 奶牛 肉羊 蛋鸡 小龙虾 大黄鱼 鸭苗 蜜蜂",
        "do": "喜获丰收 开镰收割 播种过半 亩产创新高 遭遇干旱 错季上市 远销海外 受冻减产 机收率提高",
        "aid": "无人机植保 滴灌技术 测土配方 良种繁育 病虫害防治 高标准农田 冷链物流 秸秆还田",
        "role": "种粮大户 农技员 合作社理事长 果农 村支书 养殖户 育种专家",
    },
    """
    {GPE}{crop}{do}
    {ORG}推广{aid} {crop}增收{pct}
    {role}{PER}：今年{crop}{do}
    {GPE}{stock}价格回升
    {LOC}畔万亩{crop}{do}
    """,
    """
    眼下正是农忙时节，{GPE}{n}万亩{crop}{do}。
    {role}{PER}站在田埂上，看着{crop}{do}。
    {ORG}派技术员到{LOC}周边村庄指导{aid}。
    {GPE}{stock}存栏{n}万头，价格上涨{pct}。
    采用{aid}后，{PER}家的{crop}每亩增产{n}斤。
    {ORG}与{n}户农民签订{crop}收购协议。
    {role}{PER}培育的{crop}新品种在{GPE}试种成功。
    {day}起，{ORG}敞开收购{crop}，现款结算。
    {PER}养的{stock}通过{ORG}卖到{GPE}。
    连日降雨，{GPE}农民抢收{crop}。
    {LOC}灌区开闸放水，{n}万亩{crop}解渴。
    {ORG}收储{crop}{n}吨，确保供应。
    """,
)
