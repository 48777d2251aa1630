"""Code sets of the record tables.

Sources: 行政处罚法 (2021) art. 9 (penalty kinds), published wording of double-random results,
GB/T 4754-2017 (industry), 特种设备安全监察条例 art. 99 (equipment). Codes that a system of practice
uses but no law fixes are marked.
"""

from __future__ import annotations

from features.records.schema import CodeSet, Label
from features.sectors import added_sectors

STATUS = CodeSet(
    "status",
    {
        "1": Label("存续", "in business"),
        "2": Label("吊销，未注销", "licence revoked, not deregistered"),
        "3": Label("吊销，已注销", "licence revoked and deregistered"),
        "4": Label("注销", "deregistered"),
        "5": Label("撤销", "registration annulled"),
        "6": Label("迁出", "moved out"),
        "9": Label("其他", "other"),
    },
)

ENTERPRISE_TYPE = CodeSet(
    "enterprise_type",
    {
        "company": Label("公司", "company"),
        "individual_business": Label("个体工商户", "individual business"),
        "cooperative": Label("农民专业合作社", "farmers' cooperative"),
        "branch": Label("分支机构", "branch"),
        "institution": Label("事业单位及其他组织", "institution or other body"),
    },
)

#: Letter sections of GB/T 4754-2017.
INDUSTRY_SECTION = CodeSet(
    "industry_section",
    {
        "A": Label("农、林、牧、渔业", "agriculture"),
        "B": Label("采矿业", "mining"),
        "C": Label("制造业", "manufacturing"),
        "D": Label("电力、热力、燃气及水生产和供应业", "utilities"),
        "E": Label("建筑业", "construction"),
        "F": Label("批发和零售业", "wholesale and retail"),
        "G": Label("交通运输、仓储和邮政业", "transport and storage"),
        "H": Label("住宿和餐饮业", "accommodation and catering"),
        "I": Label("信息传输、软件和信息技术服务业", "information services"),
        "J": Label("金融业", "finance"),
        "K": Label("房地产业", "real estate"),
        "L": Label("租赁和商务服务业", "leasing and business services"),
        "M": Label("科学研究和技术服务业", "research and technical services"),
        "N": Label("水利、环境和公共设施管理业", "environment and public facilities"),
        "O": Label("居民服务、修理和其他服务业", "household services and repair"),
        "P": Label("教育", "education"),
        "Q": Label("卫生和社会工作", "health and social work"),
        "R": Label("文化、体育和娱乐业", "culture, sports and entertainment"),
        "S": Label("公共管理、社会保障和社会组织", "public administration"),
        "T": Label("国际组织", "international organisations"),
    },
)

#: The field of law a record belongs to; decides which sector model may use it. A sector that an office adds
#: is one of these, or one more.
_DOMAINS = {
    "general": Label("综合市场监管", "general market supervision"),
    "food": Label("食品", "food"),
    "special_equipment": Label("特种设备", "special equipment"),
    "quality": Label("产品质量", "product quality"),
    "pricing": Label("价格与竞争", "prices and competition"),
    "tax": Label("税务", "tax"),
    "environment": Label("生态环境", "environment"),
    "culture": Label("文化", "culture"),
    "construction": Label("住房和建设", "construction"),
    "transport": Label("交通运输", "transport"),
    "work_safety": Label("安全生产", "work safety"),
    "urban_management": Label("城市管理", "urban management"),
    "health": Label("卫生健康", "health"),
    "other": Label("其他", "other"),
}
DOMAIN = CodeSet(
    "domain",
    _DOMAINS
    | {name: Label(sector.zh, sector.en) for name, sector in added_sectors().items() if name not in _DOMAINS},
)

LICENCE_KIND = CodeSet(
    "licence_kind",
    {
        "food_production": Label("食品生产许可证", "food production licence"),
        "food_additive_production": Label("食品添加剂生产许可证", "food additive production licence"),
        "special_food_production": Label("特殊食品生产许可证", "special food production licence"),
        "food_trade": Label("食品经营许可证（销售）", "food sales licence"),
        "catering": Label("食品经营许可证（餐饮服务）", "catering licence"),
        "equipment_design": Label("特种设备设计许可证", "special-equipment design licence"),
        "equipment_manufacture": Label("特种设备制造许可证", "special-equipment manufacturing licence"),
        "equipment_installation": Label(
            "特种设备安装改造修理许可证", "special-equipment installation licence"
        ),
        "equipment_filling": Label("充装许可证", "filling licence"),
        "equipment_inspection_body": Label("检验检测机构核准证", "approval as inspection body"),
        "equipment_use": Label("特种设备使用登记证", "special-equipment use registration"),
        "industrial_product": Label("工业产品生产许可证", "industrial product licence"),
        "other": Label("其他许可", "other licence"),
    },
)

LICENCE_STATUS = CodeSet(
    "licence_status",
    {
        "valid": Label("有效", "valid"),
        "cancelled": Label("注销", "cancelled"),
        "revoked": Label("吊销", "revoked"),
        "withdrawn": Label("撤销", "withdrawn"),
        "suspended": Label("暂扣", "suspended"),
        "pending_renewal": Label("待延续", "renewal pending"),
    },
)

#: 行政处罚法 art. 9; the gravest kind of a decision decides.
PENALTY_KIND = CodeSet(
    "penalty_kind",
    {
        "warning": Label("警告", "warning"),
        "criticism": Label("通报批评", "public criticism"),
        "fine": Label("罚款", "fine"),
        "confiscation": Label("没收违法所得或非法财物", "confiscation"),
        "licence_suspension": Label("暂扣许可证件", "licence suspended"),
        "downgrade": Label("降低资质等级", "qualification lowered"),
        "licence_revocation": Label("吊销许可证件", "licence revoked"),
        "restriction": Label("限制开展生产经营活动", "activities restricted"),
        "shutdown": Label("责令停产停业", "shutdown ordered"),
        "closure": Label("责令关闭", "closure ordered"),
        "employment_ban": Label("限制从业", "employment ban"),
        "detention": Label("行政拘留", "detention"),
        "other": Label("其他", "other"),
    },
)

#: Classes of the 2025 credit-repair regime (minor / general / serious).
SEVERITY = CodeSet(
    "severity",
    {
        "minor": Label("轻微", "minor"),
        "general": Label("一般", "general"),
        "serious": Label("严重", "serious"),
    },
)

INSPECTION_KIND = CodeSet(
    "inspection_kind",
    {
        "routine": Label("日常（常规）检查", "routine inspection"),
        "random": Label("双随机抽查", "random inspection"),
        "special": Label("专项检查", "special campaign"),
        "post_licence": Label("证后检查", "post-licence inspection"),
        "flight": Label("飞行检查", "unannounced inspection"),
        "system": Label("体系检查", "system inspection"),
        "complaint": Label("投诉举报核查", "complaint-driven inspection"),
        "recheck": Label("复查", "re-inspection"),
        "other": Label("其他检查", "other inspection"),
    },
)

#: How the enterprise was chosen: what makes selection bias visible.
SELECTION = CodeSet(
    "selection",
    {
        "random": Label("随机抽取", "random draw"),
        "targeted": Label("风险导向", "targeted"),
        "complaint": Label("投诉举报", "complaint"),
        "follow_up": Label("跟踪复查", "follow-up"),
        "full_coverage": Label("全覆盖", "full coverage"),
        "unknown": Label("未知", "unknown"),
    },
)

#: What an inspection came to; ``censored`` and ``neutral`` are never negatives.
OUTCOME = CodeSet(
    "outcome",
    {
        "no_problem": Label("未发现问题", "no problem found"),
        "corrected": Label("发现问题经责令已改正", "problem corrected on order"),
        "problem": Label("发现问题", "problem found"),
        "severe": Label("发现严重问题", "severe problem found"),
        "neutral": Label("未发现开展本次抽查涉及的经营活动", "activity not carried on"),
        "censored": Label("已关闭、注销、迁出等", "closed, deregistered or moved"),
    },
)

#: Published result wording of double-random inspections → outcome. The codes are those of a
#: provincial platform (practice, not law); a province with other codes maps its own.
RESULT_OUTCOME = {
    "1": "no_problem",
    "E": "corrected",
    "F": "neutral",
    "B": "problem",
    "C": "severe",
    "6": "severe",
    "D": "problem",
    "2": "problem",
    "3": "problem",
    "4": "problem",
    "5": "problem",
    "G": "problem",
    "A": "problem",
    "8": "severe",
    "7": "censored",
    "9": "censored",
    "10": "censored",
    "11": "censored",
    "12": "censored",
}

ITEM_SEVERITY = CodeSet(
    "item_severity",
    {
        "critical": Label("关键项（重点项目）", "critical item"),
        "serious": Label("重要项", "serious item"),
        "minor": Label("一般项目", "minor item"),
    },
)

SAMPLING_RESULT = CodeSet(
    "sampling_result",
    {"pass": Label("合格", "passed"), "fail": Label("不合格", "failed")},
)

SAMPLING_SEVERITY = CodeSet(
    "sampling_severity",
    {
        "labelling": Label("标签标识", "labelling"),
        "quality": Label("品质指标", "quality"),
        "safety": Label("安全指标", "safety"),
    },
)

LEVEL = CodeSet(
    "level",
    {
        "national": Label("国家级", "national"),
        "provincial": Label("省级", "provincial"),
        "city": Label("市级", "city"),
        "county": Label("县级", "county"),
    },
)

#: 企业经营异常名录管理暂行办法 art. 6-9.
ABNORMAL_REASON = CodeSet(
    "abnormal_reason",
    {
        "1": Label("未按期公示年度报告", "annual report not published in time"),
        "2": Label("未按责令期限公示即时信息", "immediate information not published"),
        "3": Label("公示信息隐瞒真实情况、弄虚作假", "published information false or concealed"),
        "4": Label("通过登记的住所无法联系", "unreachable at registered address"),
        "unknown": Label("未载明", "not stated"),
    },
)

SERIOUS_GROUND = CodeSet(
    "serious_ground",
    {
        "food": Label("食品安全严重违法", "food safety"),
        "drug": Label("药品、医疗器械、化妆品", "drugs, devices, cosmetics"),
        "quality": Label("质量安全（含特种设备）", "quality safety, incl. special equipment"),
        "consumer": Label("侵害消费者权益", "consumer rights"),
        "competition": Label("破坏公平竞争秩序", "fair competition"),
        "obstruction": Label("拒绝、阻碍监督检查", "obstructed supervision"),
        "other": Label("其他", "other"),
    },
)

COMMITMENT_OUTCOME = CodeSet(
    "commitment_outcome",
    {
        "pending": Label("未核查", "not yet verified"),
        "kept": Label("已履行", "kept"),
        "broken": Label("承诺不实", "broken"),
    },
)

CHANGE_ITEM = CodeSet(
    "change_item",
    {
        "legal_representative": Label("法定代表人", "legal representative"),
        "address": Label("住所", "address"),
        "business_scope": Label("经营范围", "business scope"),
        "capital": Label("注册资本", "registered capital"),
        "shareholder": Label("股东", "shareholders"),
        "name": Label("名称", "name"),
        "other": Label("其他", "other"),
    },
)

RELATION_KIND = CodeSet(
    "relation_kind",
    {
        "legal_representative": Label("法定代表人", "legal representative"),
        "shareholder": Label("股东", "shareholder"),
        "branch": Label("分支机构", "branch"),
        "investment": Label("对外投资", "outward investment"),
    },
)

#: Codes 1000-4000 and 8000 are documented; 5000, 6000 and 9000 are unverified.
EQUIPMENT_CATEGORY = CodeSet(
    "equipment_category",
    {
        "1000": Label("锅炉", "boiler"),
        "2000": Label("压力容器", "pressure vessel"),
        "3000": Label("电梯", "lift"),
        "4000": Label("起重机械", "crane or hoist"),
        "5000": Label("场（厂）内专用机动车辆", "on-site vehicle"),
        "6000": Label("大型游乐设施", "large amusement ride"),
        "8000": Label("压力管道", "pressure pipe"),
        "9000": Label("客运索道", "passenger ropeway"),
    },
)

EQUIPMENT_STATUS = CodeSet(
    "equipment_status",
    {
        "in_use": Label("在用", "in use"),
        "stopped": Label("停用", "stopped"),
        "scrapped": Label("报废", "scrapped"),
    },
)

INCIDENT_GRADE = CodeSet(
    "incident_grade",
    {
        "near_miss": Label("未遂事件", "near miss"),
        "incident": Label("事件", "incident"),
        "general": Label("一般事故", "general accident"),
        "larger": Label("较大事故", "larger accident"),
        "major": Label("重大事故", "major accident"),
        "extraordinary": Label("特别重大事故", "extraordinary accident"),
    },
)

REPAIR_DECISION = CodeSet(
    "repair_decision",
    {
        "granted": Label("准予修复", "granted"),
        "refused": Label("不予修复", "refused"),
        "revoked": Label("撤销修复", "granted repair revoked"),
    },
)
