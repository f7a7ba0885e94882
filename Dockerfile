# The demo project with the app, for compose.yaml: a start for an image of your own site.
FROM python:3.13-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app

COPY pyproject.toml README.md LICENSE ./
COPY project/constraints.txt project/
COPY csms_campaigns csms_campaigns
RUN pip install --no-cache-dir -c project/constraints.txt ".[demo]"

COPY project project
COPY templates templates
COPY manage.py ./

# The secret key and the schedule of beat; compose.yaml keeps it in a volume.
RUN useradd --system csms && mkdir /data && chown csms /data
ENV CSMS_DEMO_DIR=/data
USER csms

EXPOSE 8000
CMD ["gunicorn", "project.wsgi", "--bind", "0.0.0.0:8000", "--workers", "2", "--threads", "4"]
