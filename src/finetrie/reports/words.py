"""Every sentence of the page, in English and Chinese."""

from __future__ import annotations

from typing import Literal

Language = Literal["en", "zh"]

LANGUAGES: tuple[Language, ...] = ("en", "zh")

MESSAGES: dict[str, tuple[str, str]] = {
    # page
    "title": ("Run report", "运行报告"),
    "contents": ("Contents", "目录"),
    "made_by": ("Written by finetrie {version} from the files in this run's directory. Opens offline; "
                "nothing is loaded from elsewhere.",
                "由 finetrie {version} 根据运行目录中的文件生成。可离线打开，不加载任何外部资源。"),
    "and_more": ("and {n} more in {file}", "其余 {n} 条见 {file}"),
    "first_of": ("The first {shown} of {n}; all are in {file}.", "共 {n} 条，此处列出前 {shown} 条，全部见 {file}。"),
    "not_there": ("Nothing to show: {file} is not in the run directory.", "无内容可显示：运行目录中没有 {file}。"),
    "colon": (": ", "："),
    "none": ("none", "无"),
    # problems
    "problems": ("Not everything is here", "结果不完整"),
    "problem_missing": ("Missing: {files}. The parts that need them are left out or say so.",
                        "缺少文件：{files}。相关部分已省略或注明。"),
    "problem_broken": ("Could not be read: {what}", "无法读取：{what}"),
    "problem_training": ("Training started but did not finish.", "训练已开始但尚未完成。"),
    "problem_failed": ("{n} test rows got no answer because the engine failed; they count as errors.",
                       "有 {n} 条测试数据因推理失败没有得到回答，均按错误计。"),
    # headings
    "h_result": ("How good is it?", "效果如何"),
    "h_classes": ("Class by class", "各类别表现"),
    "h_confusion": ("What is mistaken for what", "混淆情况"),
    "h_mistakes": ("Most confident mistakes", "置信度最高的错误"),
    "h_wrong": ("Answers that differ", "与标准答案不同的回答"),
    "h_unusual": ("Answers that are no label", "标签之外的回答"),
    "h_unusual_other": ("Rows without a usable answer", "没有有效答案的数据"),
    "h_decodings": ("Three ways to read the answer", "三种解码方式"),
    "h_calibration": ("Can the probabilities be trusted?", "概率是否可信"),
    "h_entities": ("Entity type by entity type", "各实体类型表现"),
    "h_entity_errors": ("What goes wrong", "错误类型"),
    "h_alignment": ("From words to positions", "实体定位"),
    "h_training": ("Training", "训练过程"),
    "h_data": ("The data", "数据概况"),
    "h_speed": ("Time and speed", "用时与速度"),
    "h_reproduce": ("How to get this again", "如何复现"),
    "h_settings": ("Settings", "全部设置"),
    "h_notices": ("Notices", "运行中的提示"),
    # lead: what was tuned on what
    "lead_tuned": ("{base} was tuned with {method} on {rows} labelled texts",
                   "用 {rows} 条标注文本，以 {method} 方法微调了 {base}"),
    "lead_tuned_rowless": ("{base} was tuned with {method}", "以 {method} 方法微调了 {base}"),
    "lead_unknown": ("A model was evaluated", "评估了一个模型"),
    "lead_classify": (" to sort texts into {labels} classes.", "，任务是把文本归入 {labels} 个类别之一。"),
    "lead_ner": (" to find entities of {labels} types in texts.", "，任务是在文本中找出 {labels} 类实体。"),
    "lead_instruction": (" to answer instructions.", "，任务是按指令作答。"),
    "lead_period": (".", "。"),
    "method_lora": ("LoRA (rank {rank})", "LoRA（秩 {rank}）"),
    "method_full": ("full fine-tuning", "全参数微调"),
    # lead: how good
    "lead_accuracy": ("On {n} test texts it gives the right label {score} of the time ({level} interval: {low} to {high}).",
                      "在 {n} 条测试文本上，{score} 的标签正确（{level} 置信区间：{low} 至 {high}）。"),
    "lead_wrong_of_100": ("In other words: of 100 such texts, about {wrong} get a wrong label.",
                          "也就是说，每 100 条同类文本中约有 {wrong} 条标错。"),
    "lead_wrong_none": ("It made no mistake on these texts.", "在这些文本上没有出错。"),
    "lead_wrong_few": ("In other words: fewer than one text in 100 gets a wrong label.",
                       "也就是说，每 100 条文本中标错的不到 1 条。"),
    "lead_majority_better": ("Always answering the commonest label, “{label}”, would be right {share} of the time, "
                             "so the model has clearly learned the task.",
                             "若一律回答最常见的标签“{label}”，正确率只有 {share}，可见模型确实学到了任务。"),
    "lead_majority_unclear": ("Always answering the commonest label, “{label}”, would already be right {share} of the time: "
                              "this test does not show that the model is better than that.",
                              "但若一律回答最常见的标签“{label}”，正确率已有 {share}：这次测试不能说明模型优于这种做法。"),
    "lead_zero_shot": ("Before tuning the same model scored {score} on {n} of these texts.",
                       "微调之前，同一模型在其中 {n} 条文本上的得分为 {score}。"),
    "lead_entities": ("On {n} test texts it found {recall} of the {gold} entities, and {precision} of what it named is right: "
                      "an F1 of {score} ({level} interval: {low} to {high}).",
                      "在 {n} 条测试文本的 {gold} 个实体中，找到了 {recall}；它给出的实体中 {precision} 正确。"
                      "F1 为 {score}（{level} 置信区间：{low} 至 {high}）。"),
    "lead_entities_rule": ("An entity counts only if its first character, its last character and its type are all right.",
                           "起点、终点和类型全部正确才算找对一个实体。"),
    "lead_instruction_score": ("On {n} test rows, {exact} of the answers equal the reference text; the answers share {score} of "
                               "their characters with it (character F1; {level} interval: {low} to {high}).",
                               "在 {n} 条测试数据上，{exact} 的回答与参考答案完全相同；字符重合度（字符 F1）为 {score}"
                               "（{level} 置信区间：{low} 至 {high}）。"),
    "lead_nothing": ("There is no score yet: metrics.json is not in the run directory.",
                     "尚无评分：运行目录中没有 metrics.json。"),
    "lead_no_test_rows": ("There were no test rows, so there is no score.", "没有测试数据，因此没有评分。"),
    # cards and comparison
    "accuracy": ("Accuracy", "准确率"),
    "accuracy_hint": ("share of texts with the right label", "标签正确的文本所占比例"),
    "macro_f1": ("Macro F1", "宏平均 F1"),
    "macro_f1_hint": ("mean over classes, so rare ones count as much", "各类别取平均，小类别同样重要"),
    "micro_f1": ("Entity F1", "实体 F1"),
    "micro_f1_hint": ("exact start, end and type", "起止位置与类型全部正确"),
    "precision": ("Precision", "精确率"),
    "precision_hint": ("of what was named, how much is right", "给出的实体中正确的比例"),
    "precision_class_hint": ("of what got this label, how much is right", "判为该类的文本中正确的比例"),
    "recall": ("Recall", "召回率"),
    "recall_hint": ("of what is there, how much was found", "实际存在的实体中被找到的比例"),
    "recall_class_hint": ("of what belongs here, how much was found", "属于该类的文本中被找出的比例"),
    "exact_rows": ("Perfect texts", "全对的文本"),
    "exact_rows_hint": ("every entity right, none too many", "所有实体都对，且没有多余"),
    "exact_match": ("Exact match", "完全一致"),
    "char_f1": ("Character F1", "字符 F1"),
    "rouge_l": ("ROUGE-L", "ROUGE-L"),
    "no_label": ("Without a valid label", "没有有效标签"),
    "no_label_hint": ("outside the set, unreadable or failed; counted as errors", "超出标签集、无法解析或失败，均按错误计"),
    "unusable": ("Without a usable answer", "没有有效答案"),
    "unusable_hint": ("unreadable or failed; counted as errors", "无法解析或失败，均按错误计"),
    "interval": ("{level} interval {low} – {high}", "{level} 置信区间 {low} – {high}"),
    "compare_title": ("Against what?", "与什么相比"),
    "compare_this": ("this model", "本模型"),
    "compare_majority": ("always “{label}”", "一律回答“{label}”"),
    "compare_zero_shot": ("before tuning", "微调之前"),
    "compare_hint": ("The thin line is the {level} interval: scores of other test sets like this one would mostly fall inside.",
                     "细线为 {level} 置信区间：换一批同类测试数据，得分大多会落在其中。"),
    "ledger_title": ("What became of the {n} test rows", "{n} 条测试数据的去向"),
    "outcome_correct": ("right", "正确"),
    "outcome_wrong": ("wrong", "错误"),
    "outcome_out_of_label_set": ("outside the label set", "超出标签集"),
    "outcome_unparsable": ("unreadable", "无法解析"),
    "outcome_failed": ("failed", "失败"),
    "ledger_hint": ("Every row is counted exactly once.", "每条数据只计一次，合计相符。"),
    "decoding_free": ("free", "自由生成"),
    "decoding_constrained": ("constrained", "约束生成"),
    "decoding_argmax": ("most probable", "最大概率"),
    # classes
    "label": ("Label", "标签"),
    "type": ("Type", "类型"),
    "texts": ("Texts", "文本数"),
    "entities": ("Entities", "实体数"),
    "f1": ("F1", "F1"),
    "confused_with": ("Most often taken for", "最常被误判为"),
    "classes_hint": ("Sorted by number of test texts.", "按测试文本数排序。"),
    "macro_absent": ("{n} of {of} labels occur neither in the test set nor in the answers and are left out of the averages: {labels}.",
                     "{of} 个标签中有 {n} 个在测试集和回答中都没有出现，不计入平均：{labels}。"),
    "unseen_gold": ("Labels of the test set that training never saw; these rows cannot be answered correctly: {labels}.",
                    "测试集中有训练时未见过的标签，这些数据不可能答对：{labels}。"),
    "classes_capped": ("The {shown} largest of {n} classes; all are in metrics.json.",
                       "共 {n} 个类别，此处列出最大的 {shown} 个，全部见 metrics.json。"),
    # confusion
    "confusion_hint": ("Each row is a true label, each column an answer. Blue is right, orange is wrong; "
                       "the darker, the larger the share of the row.",
                       "每行是真实标签，每列是模型的回答。蓝色为正确，橙色为错误；颜色越深，占该行的比例越大。"),
    "confusion_gold": ("true label", "真实标签"),
    "confusion_answer": ("answer", "回答"),
    "confusion_other": ("no label", "无有效标签"),
    "confusion_unseen": ("unknown label", "未知标签"),
    "confusion_pairs": ("The pairs that are confused most often", "最常混淆的标签对"),
    "confusion_none": ("No label was mistaken for another.", "没有标签被混淆。"),
    "confusion_full": ("Full matrix ({n} labels)", "完整混淆矩阵（{n} 个标签）"),
    "confusion_too_large": ("The full matrix of {n} labels is in metrics.json.", "{n} 个标签的完整混淆矩阵见 metrics.json。"),
    "times": ("Times", "次数"),
    "share_of_label": ("Share of the true label", "占真实标签的比例"),
    # mistakes
    "mistakes_hint": ("Wrong answers that the model was surest of: often a wrong label in the data, or two classes that "
                      "overlap. Worth reading first.",
                      "模型最有把握却答错的文本：往往是数据标注有误，或两个类别本身有重叠。建议优先阅读。"),
    "wrong_hint": ("The first answers that differ from the reference.", "与参考答案不同的前几条回答。"),
    "no_mistakes": ("None: every answer with a label is right.", "没有：所有给出标签的回答都正确。"),
    "is": ("true", "实际"),
    "said": ("answer", "回答"),
    "row": ("row {id}", "编号 {id}"),
    "clipped": ("… ({n} characters in all)", "……（全文 {n} 字）"),
    # unusual
    "unusual_hint": ("They count as errors. The model wrote this instead of one of the labels:",
                     "这些均按错误计。模型没有写出标签，而是写了："),
    "unusual_none": ("None: every answer was one of the labels.", "没有：所有回答都在标签集之内。"),
    "unusual_none_other": ("None: every answer could be read.", "没有：所有回答都可解析。"),
    "unusual_fix": ("The constrained decoding below cannot leave the label set.", "下方的“约束生成”不会超出标签集。"),
    "answer": ("Answer", "回答"),
    "count": ("Count", "数量"),
    "true_label": ("True label", "真实标签"),
    "reason": ("Reason", "原因"),
    "text": ("Text", "文本"),
    "empty_answer": ("(nothing)", "（空）"),
    # decodings
    "decodings_hint": ("The same rows, the same model. Free: what the model writes by itself, which may be no label. "
                       "Constrained: it writes step by step but can only spell labels. Most probable: the label with the highest "
                       "probability as a whole.",
                       "同一模型、同一批数据。自由生成：模型自己写出的内容，可能不是标签。约束生成：逐词生成，但只能写出标签。"
                       "最大概率：整体概率最高的标签。"),
    "decoding": ("Decoding", "解码方式"),
    "headline": ("headline", "主结果"),
    "outside": ("Outside the set", "超出标签集"),
    "unreadable": ("Unreadable", "无法解析"),
    # calibration
    "calibration_hint": ("If the model says 80 %, is it right in 80 % of such cases? Points on the dashed line: yes. Below it: too "
                         "sure of itself. Above: too modest. Grey bars show where most texts lie.",
                         "当模型给出 80% 的概率时，是否真有 80% 正确？点在虚线上：是；在虚线下：过于自信；在虚线上方：过于保守。"
                         "灰色柱表示文本的分布。"),
    "calibration_over": ("On average it is surer than it should be, by {gap} points.", "平均而言过于自信，高出 {gap} 个百分点。"),
    "calibration_under": ("On average it is less sure than it could be, by {gap} points.", "平均而言过于保守，低了 {gap} 个百分点。"),
    "calibration_fine": ("On average its confidence is right to within one point.", "平均而言置信度与实际相差不到 1 个百分点。"),
    "ece": ("Calibration error (ECE)", "校准误差（ECE）"),
    "ece_hint": ("mean gap between confidence and accuracy; 0 is best", "置信度与准确率的平均差距，越接近 0 越好"),
    "brier": ("Brier score", "Brier 分数"),
    "brier_hint": ("squared error of all probabilities; 0 is best, 2 worst", "全部概率的平方误差，0 最好，2 最差"),
    "axis_confidence": ("probability the model gives its answer", "模型给出的概率"),
    "axis_right": ("share that is right", "实际正确的比例"),
    "axis_perfect": ("perfect", "完全校准"),
    # entities
    "found": ("Named", "给出"),
    "gold": ("True", "实际"),
    "error_wrong_type": ("wrong type", "类型错误"),
    "error_partial": ("wrong borders", "边界错误"),
    "error_missed": ("missed", "漏掉"),
    "error_spurious": ("not an entity", "多余"),
    "error_hallucinated": ("not in the text", "原文中没有"),
    "explain_wrong_type": ("right words, wrong type", "文字对，类型错"),
    "explain_partial": ("overlaps a true entity without matching it", "与真实实体有重叠但不一致"),
    "explain_missed": ("a true entity nobody named", "真实实体没有被找出"),
    "explain_spurious": ("named, but there is no entity", "给出了实体，但那里并没有"),
    "explain_hallucinated": ("named words that the text does not hold", "给出了原文中不存在的文字"),
    "errors_right": ("right", "正确"),
    "no_entity_errors": ("No entity is wrong.", "没有实体错误。"),
    "example": ("Example", "示例"),
    "line_gold": ("true", "实际"),
    "line_found": ("named", "给出"),
    "invented": ("not in the text", "原文中没有"),
    "alignment_hint": ("The model names entities by their words; their places in the text are found afterwards. This is how each "
                       "one was placed, from the surest way to the least sure.",
                       "模型以文字给出实体，其在原文中的位置随后确定。以下是各实体的定位方式，从最可靠到最不可靠。"),
    "tier": ("How it was placed", "定位方式"),
    "tier_cursor": ("next occurrence in reading order", "按阅读顺序的下一处出现"),
    "tier_longest_first": ("another free occurrence", "其他尚未占用的出现位置"),
    "tier_normalised": ("after ignoring width and case", "忽略全半角与大小写后一致"),
    "tier_fuzzy": ("similar spelling only", "仅拼写相近"),
    "tier_none": ("not in the text", "原文中没有"),
    "out_of_set_entities": ("{n} named entities have a type outside the label set:", "有 {n} 个实体的类型超出标签集："),
    # training
    "training_sentence": ("{steps} optimiser steps over {rows} texts took {time}.", "共 {steps} 步、{rows} 条文本（含重复轮次），用时 {time}。"),
    "training_best": ("The weights kept are those of step {step}, with the best score on the dev split ({metric}: {score}).",
                      "保留的是第 {step} 步的权重，其在验证集上得分最高（{metric}：{score}）。"),
    "training_resumed": ("The run was interrupted and continued {n} time(s).", "训练曾中断并恢复 {n} 次。"),
    "training_none": ("No training steps are recorded in events.jsonl.", "events.jsonl 中没有训练记录。"),
    "chart_loss": ("Loss on the training texts", "训练损失"),
    "chart_loss_hint": ("The pale line is each step, the strong line the trend.", "浅线为每一步，深线为趋势。"),
    "chart_dev": ("Score on the dev split", "验证集得分"),
    "chart_dev_hint": ("Texts that the weights never learned from; used to choose when to stop.",
                       "这些文本不参与权重学习，用于选择最佳权重。"),
    "axis_step": ("optimiser step", "步数"),
    "axis_loss": ("loss", "损失"),
    "best": ("best", "最佳"),
    # data
    "data_sentence": ("{total} texts in all: {train} to learn from, {dev} to choose the best weights, {test} to score.",
                      "共 {total} 条文本：{train} 条用于训练，{dev} 条用于选择最佳权重，{test} 条用于评分。"),
    "split_train": ("train", "训练"),
    "split_dev": ("dev", "验证"),
    "split_test": ("test", "测试"),
    "total": ("total", "合计"),
    "rows_total": ("texts", "文本数"),
    "length_title": ("How long the texts are", "文本长度"),
    "length_sentence": ("Half of the training texts have at most {median} characters, 95 % at most {p95}; the longest has {longest}.",
                        "训练文本中一半不超过 {median} 字，95% 不超过 {p95} 字，最长 {longest} 字。"),
    "axis_characters": ("characters a text", "每条文本的字数"),
    "axis_texts": ("texts", "文本数"),
    "data_checks": ("What the checks found", "数据检查"),
    "check_duplicates": ("Repeated rows", "重复数据"),
    "check_duplicates_hint": ("the same text with the same question, within one split", "同一划分内完全相同的文本"),
    "check_conflicts": ("Conflicting labels", "标签冲突"),
    "check_conflicts_hint": ("groups of equal texts with different labels", "文本相同而标签不同的组数"),
    "check_overlap": ("Overlap with the test set", "与测试集重叠"),
    "check_overlap_hint": ("training texts that also stand in test, still there", "仍留在训练集中、同时出现在测试集的文本"),
    "check_shortened": ("Shortened texts", "截短的文本"),
    "check_shortened_hint": ("longer than the token budget; instruction and label were kept whole",
                             "超出长度上限；指令与标签保持完整"),
    "check_rejected": ("Removed rows", "移除的数据"),
    "check_rejected_hint": ("not used, each with its reason", "未使用，均有原因记录"),
    "conflict_examples": ("Conflicting labels: the same text, labelled differently", "标签冲突：同一文本有不同标签"),
    "rejected_title": ("Removed rows and why", "移除的数据及原因"),
    "shortened_title": ("Shortened texts", "截短的文本"),
    "rule": ("Rule", "规则"),
    "rows": ("Rows", "条数"),
    "where": ("Where", "位置"),
    "split": ("Split", "划分"),
    "kept_of": ("{kept} of {all} characters", "{all} 字中保留 {kept} 字"),
    # speed
    "speed_stage": ("Stage", "阶段"),
    "speed_time": ("Time", "用时"),
    "speed_rows": ("Texts per second", "每秒文本数"),
    "stage_training": ("training", "训练"),
    "stage_evaluation": ("evaluation", "评估"),
    "speed_saved": ("Texts that begin alike share their computation: {computed} tokens were computed instead of {given}, {saved} less.",
                    "开头相同的文本共享计算：实际计算 {computed} 个 token，而非 {given} 个，节省 {saved}。"),
    "speed_hardware": ("Hardware: {what}", "硬件：{what}"),
    # reproduce
    "reproduce_hint": ("The run file holds every setting, defaults included. With the same data, versions and seed, the same "
                       "command gives the same numbers on the same machine.",
                       "run.toml 含全部设置（包括默认值）。数据、版本与随机种子相同，则同一命令在同一机器上得到相同的数值。"),
    "reproduce_seed": ("Seed", "随机种子"),
    "fact": ("Fact", "项目"),
    "value": ("Value", "值"),
    "manifest_title": ("Versions, hashes and hardware", "版本、哈希与硬件"),
}  # fmt: skip


class Words:
    """The messages of one language: `words("accuracy")`, values filled in by name."""

    def __init__(self, language: Language) -> None:
        if language not in LANGUAGES:
            raise ValueError(f"report language {language!r}; expected one of {', '.join(LANGUAGES)}")
        self.language = language
        self._index = LANGUAGES.index(language)

    def __call__(self, key: str, **values: object) -> str:
        return MESSAGES[key][self._index].format(**values)

    def or_key(self, prefix: str, key: object) -> str:
        """The message `prefix` + `key`, or `key` itself where there is none (a plug-in's name)."""
        message = MESSAGES.get(f"{prefix}{key}")
        return str(key) if message is None else message[self._index]
