"""One HTML file that shows a run or a batch: :func:`ecosim.report.write.write_report` makes it.

The charts are drawn here as SVG: the file then needs no library, opens without a network, prints
sharply, follows the reader's theme by CSS, and a figure of 1,000 runs takes some kilobytes.
"""
