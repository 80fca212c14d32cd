"""Result files → one self-contained HTML page, and its charts for notebooks. Never loads a model."""

from finetrie.reports.charts import dev_curve, length_histogram, loss_curve, reliability_plot
from finetrie.reports.curve_page import write_curve_page
from finetrie.reports.page import write_report

__all__ = ["dev_curve", "length_histogram", "loss_curve", "reliability_plot", "write_curve_page", "write_report"]
