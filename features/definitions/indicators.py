"""The indicator system that groups the features: five first-level groups and their second level.

First-level names are those of the national general indicator system, first edition
(通用型企业信用风险分类指标体系及说明); its 25 second-level names are not public, these are ours.
"""

from __future__ import annotations

from collections.abc import Mapping

from features.records import Label

FIRST_LEVEL: Mapping[str, Label] = {
    "basic": Label("企业基础属性信息", "basic attributes"),
    "dynamics": Label("企业动态信息", "dynamics"),
    "supervision": Label("监管信息", "supervision"),
    "relations": Label("关联关系信息", "relations"),
    "social": Label("社会评价信息", "social evaluation"),
}

SECOND_LEVEL: Mapping[str, Label] = {
    "basic.registration": Label("登记注册", "registration"),
    "basic.scale": Label("资本与规模", "capital and size"),
    "basic.licence": Label("行政许可", "licences"),
    "basic.annual_report": Label("年报公示", "annual reports"),
    "basic.equipment": Label("设备状况", "equipment"),
    "dynamics.change": Label("登记事项变更", "changes of registered items"),
    "dynamics.operation": Label("经营动态", "signs of operation"),
    "supervision.penalty": Label("行政处罚", "penalties"),
    "supervision.inspection": Label("监督检查", "inspections"),
    "supervision.sampling": Label("监督抽检", "sampling tests"),
    "supervision.lists": Label("名录与名单", "lists"),
    "supervision.equipment": Label("设备法定检验", "statutory inspection of equipment"),
    "supervision.incident": Label("事故与事件", "incidents"),
    "relations.persons": Label("关联人员", "related persons"),
    "relations.enterprises": Label("关联企业", "related enterprises"),
    "relations.address": Label("同一住所", "same address"),
    "relations.neighbourhood": Label("同行业同区域", "industry and district"),
    "social.complaint": Label("投诉举报", "complaints"),
    "social.commitment": Label("信用承诺", "commitments"),
}
