# NVIDIA Triton with what the example steps import. Build from the top of the repository:
#   docker build -f docker/triton.Dockerfile -t inference-triton .
#
# Servers before 2.59 (releases before 25.06) crash when a gRPC call is cancelled: take 25.06 or later.
ARG TRITON_RELEASE=25.10
FROM nvcr.io/nvidia/tritonserver:${TRITON_RELEASE}-py3

# onnxruntime-gpu 1.26 is built for CUDA 12. Its extras bring those libraries along and the steps load them from
# there, so the CUDA release of the base image does not matter; only the driver of the host does (525 or later).
# numpy stays below 2, as in the embedded Triton.
RUN pip install --no-cache-dir --break-system-packages \
    "rapidocr==3.10.*" \
    "onnxruntime-gpu[cuda,cudnn]==1.26.*" \
    "pillow>=11" \
    "numpy<2"

EXPOSE 8000 8001 8002
# One model that does not load must not take the others with it.
CMD ["tritonserver", "--model-repository=/models", "--model-control-mode=explicit", "--load-model=*", \
     "--exit-on-error=false", "--exit-timeout-secs=20"]
