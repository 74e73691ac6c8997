"""The report: its schema (`schema.py`, `schema.json`), page (`html.py`), subtitles (`srt.py`) and command.

Nothing is imported here, so that the command line starts quickly.
"""
