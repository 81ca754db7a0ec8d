# The experiment in an image: `docker run IMAGE` reproduces the embedded profile without a network and prints the
# verdict; `docker run --gpus all -e HF_TOKEN -v hub:/cache/huggingface IMAGE make paper` is the paper's.
#
# torch's wheels bring CUDA 13.0 with them, so the base needs none of it: of the host, an NVIDIA driver of at least 580
# and the NVIDIA container toolkit. The base must be Debian 12 or a system like it, with Python 3.11, 3.12 or 3.13 as python3.
ARG BASE_IMAGE=debian:bookworm-slim@sha256:96e378d7e6531ac9a15ad505478fcc2e69f371b10f5cdf87857c4b8188404716

# hadolint ignore=DL3006
FROM ${BASE_IMAGE} AS packages
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*
COPY requirements/install requirements/pythons requirements/build.lock requirements/cpu.lock requirements/cuda.lock /requirements/
ARG LOCK=cuda
# Where torch's CPU build is, when LOCK=cpu and pip's own settings do not say; the hashes hold wherever it comes from.
ARG TORCH_CPU_INDEX=https://download.pytorch.org/whl/cpu
RUN PIP_NO_CACHE_DIR=1 /requirements/install /opt/venv "${LOCK}" python3 \
    && { python3 -m compileall -qq -j 0 --invalidation-mode unchecked-hash /opt/venv/lib || true; }

# hadolint ignore=DL3006
FROM ${BASE_IMAGE} AS source
COPY . /workspace
# Any user may run the image, so any user may write here; and DVC needs no git in what is baked in.
RUN printf '[core]\n    no_scm = true\n' > /workspace/.dvc/config.local \
    && chmod -R a+rwX /workspace

# hadolint ignore=DL3006
FROM ${BASE_IMAGE}
# A compiler and Python's headers: the compiled kernels are built where they run, on a CPU and on a GPU.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates g++ git make python3 python3-dev tini \
    && rm -rf /var/lib/apt/lists/* \
    && git config --system --add safe.directory '*' \
    && mkdir -p /cache/huggingface /home/benchmark /workspace \
    && chmod -R 1777 /cache /home/benchmark \
    && chmod 0777 /workspace
COPY --from=packages /opt/venv /opt/venv
COPY --from=source /workspace /workspace
ARG LOCK=cuda
ARG REVISION=unknown
# VENV is empty: the Makefile takes the environment that is there. USER: a number without a name is no name to torch.
ENV PATH=/opt/venv/bin:$PATH \
    VENV= \
    LOCK=${LOCK} \
    HOME=/home/benchmark \
    USER=benchmark \
    LANG=C.UTF-8 \
    HF_HOME=/cache/huggingface \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    NVIDIA_REQUIRE_CUDA=cuda>=13.0 \
    BENCHMARK_REVISION=${REVISION}
LABEL org.opencontainers.image.title="icl-activation-benchmark" \
      org.opencontainers.image.description="Do MLP activations tell how good an in-context example is?" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.revision="${REVISION}"
VOLUME /cache/huggingface
WORKDIR /workspace
USER 1000:1000
ENTRYPOINT ["tini", "-g", "--"]
CMD ["make", "--no-print-directory", "repro"]
