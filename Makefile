# Two targets do all the set-up on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
EXTRAS ?= .venv-extras
VIDEO  ?=
OUT    ?= demo

.PHONY: demo test test-fast extras test-extras lint types check clean

$(BIN)/mmu: pyproject.toml constraints.txt
	@echo "installing into $(VENV): about 1 GB, some minutes"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/dev: $(BIN)/mmu
	@echo "installing what the tests need: 1.6 GB more, some minutes"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	@touch $@

# What ray[default] adds, over the tests' environment but not in it: with it every Ray there would start a dashboard.
$(VENV)/submit/ready: $(VENV)/dev
	$(PYTHON) -m venv $(VENV)/submit
	$(BIN)/python -c "import sysconfig; print(sysconfig.get_path('purelib'))" > $$(echo $(VENV)/submit/lib/python3*/site-packages)/below.pth
	$(VENV)/submit/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt "ray[default]"
	@touch $@

# Analyse VIDEO (default: a sample composed of real photos, footage and speech), print the tags, write a page.
demo: $(BIN)/mmu
	$(BIN)/mmu models pull
ifeq ($(strip $(VIDEO)),)
	$(BIN)/mmu models pull --profile sample
	$(BIN)/python -m mmu.sample $(OUT)/sample.mp4
	$(BIN)/mmu tag $(OUT)/sample.mp4 --title "带着猫咪喝咖啡的宇航员 A day of an astronaut" --topics "宇航员,猫咪,咖啡,上热门,篮球" --html $(OUT) --json $(OUT)
	@echo "open $(OUT)/sample.html"
else
	$(BIN)/mmu tag "$(VIDEO)" --html $(OUT) --json $(OUT)
endif

test: $(VENV)/dev $(VENV)/submit/ready
	$(BIN)/mmu models pull
	$(BIN)/mmu models pull --profile sample
	$(BIN)/mmu models pull --profile stems
	$(BIN)/python -m pytest -n 2 --dist loadgroup

# Pure logic only: no weights, seconds.
test-fast: $(VENV)/dev
	$(BIN)/python -m pytest -m "not weights and not slow and not browser"

# Everything that full-size networks need, in an environment of its own (docs/extras.md): 9 GB.
# insightface and paddleocr bring OpenCV variants that overwrite the headless one: it goes in last.
$(EXTRAS)/ready: constraints-extras.txt
	@echo "installing into $(EXTRAS): 9 GB, ten minutes or more"
	$(PYTHON) -m venv $(EXTRAS)
	$(EXTRAS)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints-extras.txt -e ".[all,dev]"
	$(EXTRAS)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints-extras.txt --no-deps --force-reinstall opencv-python-headless
	@touch $@

extras: $(EXTRAS)/ready

test-extras: $(EXTRAS)/ready
	$(EXTRAS)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints-extras.txt -e ".[all,dev]"
	$(EXTRAS)/bin/python -m pytest tests/extras

lint: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/dev
	$(BIN)/mypy

check: lint types test

clean:
	rm -rf $(VENV) $(EXTRAS) $(OUT) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache
