"""Chinese news of ten classes: words and sentence plans, first half, and what all classes share."""

# ruff: noqa: E501 - word lists read best as words

from __future__ import annotations

from finetrie.data.sample.grammar import plans, topic

SPORT = topic(
    "体育",
    {
        "game": "足球 篮球 排球 乒乓球 羽毛球 网球 游泳 田径 举重 体操 射箭 击剑 赛艇 滑雪 马拉松 攀岩 拳击 冰壶",
        "cup": "联赛 锦标赛 公开赛 邀请赛 杯赛 总决赛 资格赛 青年赛 大师赛 分站赛",
        "role": "主教练 队长 前锋 门将 后卫 中场 选手 小将 老将 领队",
        "feat": "梅开二度|打入制胜球|刷新个人纪录|连胜三场|逆转取胜|夺得金牌|站上领奖台|率先冲线|扑出点球|拿下赛点",
        "woe": "伤停|停赛|轮休|落选|退赛|爆冷出局|体能不足|状态低迷",
    },
    """
    {ORG}主场力克{ORG2} {role}{PER}{feat}
    {PER}{feat} {ORG}晋级{cup}
    {game}{cup}在{GPE}开赛
    {ORG}宣布{PER}出任{role}
    {PER}因{woe}缺席{cup}
    """,
    """
    {day}，{game}{cup}在{GPE}{LOC}收官，{ORG}的{PER}{feat}。
    {ORG}以{few}分优势击败{ORG2}，{role}{PER}{feat}。
    {role}{PER}赛后表示，球队还要在客场继续拼下去。
    {PER}在{game}决赛中{feat}，为{GPE}代表队赢得首枚奖牌。
    受{woe}影响，{ORG}本轮{cup}少了{PER}。
    {GPE}站比赛共有{n}名选手报名，{LOC}是最后的终点。
    下半场{PER}替补登场，仅用五分钟就{feat}。
    {ORG}与{role}{PER}续约三年。
    裁判在第{few}分钟吹响哨声，{ORG2}的球迷起立鼓掌。
    {PER}与队友{PER2}搭档，在{game}双打项目中{feat}。
    新赛季{cup}的赛程公布，{ORG}首战将客场挑战{ORG2}。
    国家集训队名单出炉，来自{GPE}的{PER}首次入选。
    """,
)

FINANCE = topic(
    "财经",
    {
        "asset": "股票 债券 黄金 原油 期货 基金 外汇 国债 可转债 理财产品 银行股 白酒股",
        "move": "上涨 下跌 反弹 震荡走低 高开低走 创年内新高 跌破均线 小幅回升 涨停 放量拉升",
        "figure": "净利润 营业收入 每股收益 毛利率 不良贷款率 现金流 负债率 成交额",
        "act": "降息 降准 回购股份 增发新股 派发股息 下调评级 发行债券 冲刺上市 剥离亏损业务 披露年报",
        "role": "分析师 首席经济学家 董事长 基金经理 行长 财务总监 投资人",
    },
    """
    {ORG}{figure}同比增长{pct}
    {asset}{move} {role}{PER}称不必恐慌
    {ORG}拟{act} 规模{money}
    {GPE}企业扎堆{act}
    {ORG}收购{ORG2} 作价{money}
    """,
    """
    {ORG}{day}发布公告，{figure}为{money}，同比变动{pct}。
    {asset}市场早盘{move}，两市合计成交{money}。
    {ORG}{role}{PER}认为，{asset}短期仍会{move}。
    {GPE}概念板块收盘{move}，{asset}领跌。
    {ORG}计划{act}，募资不超过{money}。
    多家机构调高{ORG}目标价，{PER}建议投资者分批建仓。
    {ORG2}持有{ORG}{pct}的股权，为第二大股东。
    通胀数据公布后，{GPE}的{asset}{move}。
    监管部门对{ORG}信息披露违规开出{money}罚单。
    {role}{PER}辞职，{ORG}股价随即{move}。
    {GPE}上半年财政收入{money}，增长{pct}。
    {ORG}面向中小企业的贷款余额达到{money}。
    """,
)

TECH = topic(
    "科技",
    {
        "thing": "芯片 机器人 大模型 卫星 无人机 量子计算机 操作系统 传感器 智能手表 云平台 搜索引擎 光刻胶 火箭发动机 望远镜",
        "field": "人工智能 半导体 航天 通信 网络安全 虚拟现实 脑机接口 新材料 物联网 开源软件",
        "do": "完成首次测试 开源代码 突破关键工艺 发布新版本 申请专利 进入量产 修复漏洞 提升算力 完成在轨交付 刷新跑分",
        "role": "工程师 首席科学家 研究员 院士 产品经理 创始人 程序员",
    },
    """
    {ORG}发布新一代{thing}
    {field}迎突破 {PER}团队{do}
    {ORG}{thing}{do}
    {GPE}建设{field}产业园
    {role}{PER}加盟{ORG}
    """,
    """
    {day}，{ORG}在{GPE}推出自主研发的{thing}，并{do}。
    {role}{PER}带领团队攻关{field}，让{thing}{do}。
    与上一代相比，这款{thing}的功耗降低了{pct}。
    {ORG}的{thing}已经{do}，用户可在线升级。
    {ORG}和{ORG2}共建{field}实验室，由{PER}担任主任。
    {PER}在论文中介绍了{thing}的新算法。
    {thing}在{LOC}试验场成功升空，{few}分钟后进入预定轨道。
    黑客利用漏洞攻击{GPE}多家网站，{ORG}紧急{do}。
    {ORG}向开发者开放{thing}接口，首批接入{n}家。
    {field}的下一步，是让{thing}走进普通家庭。
    {GPE}的数据中心投入运行，算力达到每秒{n}亿亿次。
    {role}{PER}说，{thing}真正难的是软件生态。
    """,
)

SCHOOL = topic(
    "教育",
    {
        "who": "学生 新生 考生 毕业生 研究生 家长 班主任 教师 中学生 留学生",
        "what": "高考 中考 期末考试 招生 课后服务 双语课程 劳动课 开学典礼 研学活动 奖学金 教师资格考试 选科",
        "plan": "缩小班额 减轻课业负担 扩大招生规模 调整录取分数线 增设专业 延长课后服务时间 推行走班制 取消重复考试",
        "role": "校长 教授 院长 辅导员 语文老师 班主任 招生办主任",
    },
    """
    {ORG}今年{plan}
    {GPE}公布{what}方案
    {ORG}校长{PER}：{who}需要更多阅读
    {what}在即 {who}如何准备
    {ORG}与{ORG2}签约 联合培养{who}
    """,
    """
    {GPE}{what}{day}开始，共有{n}名{who}参加。
    {ORG}宣布从秋季学期起{plan}。
    {ORG}{role}{PER}提醒{who}，{what}不要盲目跟风。
    {role}{PER}把课堂搬到{LOC}，{who}听得津津有味。
    {ORG}录取通知书寄出，第一封送到{GPE}的{PER}手中。
    {who}在{what}中写下自己的理想。
    今年{ORG}将{plan}，计划招收{n}人。
    {GPE}要求各校{plan}，不得公布{who}排名。
    {PER}从教三十年，资助{n}名{who}完成学业。
    {ORG}图书馆延长开放时间，备战{what}的{who}早早排队。
    由{ORG}编写的教材进入{GPE}课堂，{who}反响热烈。
    {what}结束后，{who}{PER}说题目比想象的难。
    """,
)

HEALTH = topic(
    "健康",
    {
        "ill": "高血压 糖尿病 流感 近视 失眠 颈椎病 哮喘 肺炎 骨质疏松 过敏性鼻炎 胃溃疡 脑卒中 肥胖 湿疹",
        "cure": "接种疫苗 微创手术 中药调理 康复训练 定期体检 靶向治疗 控制饮食 基因检测 早期筛查 针灸",
        "body": "血压 血糖 心率 视力 睡眠 体重 免疫力 骨密度",
        "role": "主任医师 护士长 药师 急诊科医生 营养师 院长 儿科医生",
    },
    """
    {ill}高发 {role}{PER}支招
    {ORG}完成首例{ill}{cure}
    {GPE}启动{ill}{cure}项目
    {ORG}新药获批 用于治疗{ill}
    夏季如何预防{ill}
    """,
    """
    {ORG}{role}{PER}提醒，{ill}患者应注意{cure}。
    {day}，{ORG}成功为一名{ill}患者实施{cure}。
    长期熬夜会影响{body}，增加患{ill}的风险。
    {GPE}为老年人提供免费{cure}，重点关注{body}。
    {role}{PER}介绍，这种药物可使{ill}发病率下降{pct}。
    {ORG}门诊量比平时增加{pct}，多数是{ill}。
    {PER}建议每天监测{body}，出现不适及时就医。
    {ORG}与{ORG2}组建医联体，{PER}每周到{GPE}坐诊。
    临床试验显示，{cure}对{ill}有效率为{pct}。
    {LOC}附近的社区卫生站开设{ill}门诊。
    病人{PER}康复出院，{body}恢复正常。
    {GPE}报告{n}例{ill}病例，多数症状较轻。
    """,
)

NEUTRAL = plans(
    """
    {day}，记者从{ORG}获悉了这一消息。
    {PER}对此没有回应。
    有关情况仍在进一步了解中。
    现场来了{n}多人，气氛热烈。
    这一做法受到不少市民欢迎。
    {ORG2}负责人{PER2}也到场参加。
    {PER}告诉记者，这只是第一步。
    据介绍，类似的尝试在{GPE2}已有先例。
    活动在{LOC}附近举行，持续三天。
    双方没有透露更多细节。
    与去年同期相比，这个数字增长了{pct}。
    网友对此看法不一。
    {PER2}则认为，效果还要看明年。
    {GPE2}也有意引进这一经验。
    总投入约{money}。
    消息一出，立刻引发讨论。
    受天气影响，原定日程推迟到下周。
    从{GPE}到{GPE2}，越来越多的人开始关注此事。
    {ORG2}表示将继续提供支持。
    具体时间另行通知。
    {PER}今年{few}岁，老家在{GPE2}。
    下一阶段的安排将在月底公布。
    {LOC2}周边道路当天实行临时管制。
    这已经是今年的第{few}次。
    """
)

OPENINGS = plans(
    """
    据悉，
    记者了解到，
    {GPE}消息：
    本报讯：
    {day}，
    快讯：
    """
)

BRIDGES: dict[tuple[str, ...], list[str]] = {
    ("体育", "健康"): plans(
        """
        {PER}说，坚持跑步和科学训练比什么都重要。
        膝盖受伤后，{PER}进行了三个月康复训练。
        {GPE}新建{n}条健身步道，{LOC}也在其中。
        {ORG}为市民提供免费体能测试。
        """
    ),
    ("财经", "房产"): plans(
        """
        {ORG}发行债券募资{money}，用于偿还到期贷款。
        贷款利率下调后，{GPE}的成交量增长{pct}。
        {ORG}负债率连续三个季度下降，{PER}称压力缓解。
        {PER}认为价格已经触底，投资者不宜观望太久。
        """
    ),
    ("财经", "汽车"): plans(
        """
        {ORG}季度销量下滑{pct}，股价应声下跌。
        {ORG}获得{ORG2}{money}投资。
        原材料价格上涨，{ORG}毛利率承压。
        {ORG}计划在{GPE}上市，估值{money}。
        """
    ),
    ("科技", "汽车"): plans(
        """
        {ORG}自研芯片已经装进新款产品，算力提升{pct}。
        自动驾驶测试在{GPE}{LOC}展开，{PER}坐在副驾。
        {ORG}与{ORG2}合作开发车载操作系统。
        新型电池通过安全测试，续航提高{pct}。
        """
    ),
    ("科技", "教育"): plans(
        """
        {ORG}把机器人送进课堂，{PER}现场讲解。
        {ORG}人工智能学院在{GPE}揭牌，{PER}任院长。
        {PER}教授团队的论文引起关注。
        {ORG}向{GPE}的学校捐赠{n}台电脑。
        """
    ),
    ("教育", "健康"): plans(
        """
        {GPE}的学校将视力检查列入每学期安排。
        {ORG}开设心理健康课，{PER}主讲第一课。
        {ORG}护理专业今年招生{n}人。
        医学生{PER}来到{LOC}实习。
        """
    ),
    ("娱乐", "旅游"): plans(
        """
        {LOC}的夜间演出吸引{n}名观众。
        取景地{LOC}成了热门打卡点。
        音乐节在{GPE}{LOC}举行，周边酒店爆满。
        {ORG}把实景演出带到{GPE}。
        """
    ),
    ("旅游", "农业"): plans(
        """
        {GPE}的采摘园周末接待{n}名客人。
        {LOC}一带的油菜花开了，村里办起农家乐。
        {PER}返乡开民宿，顺带卖家里的茶叶。
        {GPE}举办丰收节，{LOC}旁边摆起长街宴。
        """
    ),
    ("健康", "农业"): plans(
        """
        {GPE}抽检蔬菜水果{n}批次，合格率{pct}。
        {ORG}推出低糖大米，{PER}说老人也能放心吃。
        {ORG}与{ORG2}共建中药材基地。
        专家{PER}提醒，食材要煮熟再吃。
        """
    ),
    ("体育", "娱乐"): plans(
        """
        {PER}登上领奖台，台下掌声不断。
        {PER}作为嘉宾亮相{GPE}，粉丝在{LOC}守候。
        开幕式由{ORG}承办，{PER}献唱。
        这部关于运动员的纪录片由{ORG}出品。
        """
    ),
    ("旅游", "汽车"): plans(
        """
        自驾车主{PER}从{GPE}出发，{few}天走到{LOC}。
        {GPE}在{LOC}新增{n}个充电桩，方便自驾出行。
        假期首日，{LOC}车流量增长{pct}。
        {ORG}推出租车优惠，{GPE}最受欢迎。
        """
    ),
    ("房产", "教育"): plans(
        """
        {LOC}旁的学区划分方案公布，家长{PER}松了口气。
        {ORG}配建的小学明年交付。
        毕业生可在{GPE}申请公寓，首批{n}套。
        {GPE}为青年教师提供租房补贴。
        """
    ),
}
"""Sentences that fit two classes equally well."""
