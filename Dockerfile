# One image for every process of the portal: web, worker, scheduler and the commands.
FROM python:3.12-slim
WORKDIR /srv/reconsent
COPY requirements/runtime.txt requirements/runtime.txt
RUN pip install --no-cache-dir --require-hashes -r requirements/runtime.txt
COPY pyproject.toml README.md LICENSE wsgi.py ./
COPY portal portal
COPY jobs jobs
RUN pip install --no-cache-dir --no-deps . && useradd --system --home-dir /var/lib/reconsent --create-home reconsent
USER reconsent
WORKDIR /var/lib/reconsent
ENV PORTAL_ENV=production PORTAL_DATA_DIR=/var/lib/reconsent
EXPOSE 8000
CMD ["gunicorn", "--config", "python:portal.web_server", "--bind", "0.0.0.0:8000", "wsgi:app"]
