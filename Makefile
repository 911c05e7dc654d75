# `make run` and `make test` bring all they need: uv, the interpreter, the packages, the servers.
export UV_VERSION := 0.13.9
PYTHON := .venv/bin/python
# A person's own would be read before the tests and `make run` say theirs.
unexport DJANGO_SETTINGS_MODULE

.PHONY: run test lint format bench clean

run: .venv/synced
	@exec $(PYTHON) -m config.embedded.run

test: .venv/synced
	@sh ops/browser.sh
	@sh ops/nginx.sh
	@exec $(PYTHON) -m pytest -n 2 --dist loadgroup $(ARGS)

# The settings are read, so they must be there; no server is touched.
lint: export SECRET_KEY := 9f0c1d7b2ae84c63b5d2f7a0e1c4986d3b7e5f2a-read-but-never-used
lint: export BASE_URL := https://media.example.com
lint: export CDN_BASE_URL := https://cdn.example.com
lint: export DATABASE_URL := postgresql://lint@127.0.0.1:1/lint
lint: export REDIS_URL := redis://127.0.0.1:1/0
lint: export S3_ACCESS_KEY := lint
lint: export S3_SECRET_KEY := lint
lint: .venv/synced
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/lint-imports
	$(PYTHON) -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run
	$(PYTHON) manage.py check --deploy --fail-level ERROR

format: .venv/synced
	.venv/bin/ruff check --fix
	.venv/bin/ruff format

bench: .venv/synced
	@sh ops/wrk.sh
	@exec $(PYTHON) -m bench.run $(ARGS)

# Everything a checkout did not bring. A cluster that had to lie elsewhere goes with the link to it.
clean:
	@if [ -L .data/postgres ]; then rm -rf "$$(readlink .data/postgres)"; fi
	rm -rf .data .venv .tools staticfiles .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

.venv/synced: ops/setup.sh pyproject.toml uv.lock .python-version
	@sh ops/setup.sh
