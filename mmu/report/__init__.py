"""The report: its schema (`schema.py`, `schema.json`), the page (`html.py`), subtitles (`srt.py`) and `mmu report`.

Nothing is imported here, so that the command line starts quickly.
"""
