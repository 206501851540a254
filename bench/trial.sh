#!/usr/bin/env bash
# One fresh-install trial by hand: the docker commands that the lab gives and the waits that it keeps, nothing else.
# Arguments: platform image, LLM mock image, wheel, uv cache volume, CA bundle ("" for none), name of the trial.
set -eu
platform=$1 mock=$2 wheel=$3 cache=$4 ca=$5 name=$6
key=bench-key-0123456789
label="lab.bench=$name"
drop=/tmp/artifacts/bench/$(basename "$wheel")
trap 'docker rm -fv $name-toolbox $name-llm $name-product-1 $name-product-2 >/dev/null 2>&1 || true
      docker network rm $name >/dev/null 2>&1 || true
      docker volume rm $name-home $name-data $name-config >/dev/null 2>&1 || true' EXIT
quiet() { "$@" >/dev/null; }
port() { docker port "$1" "$2" | head -n 1; }

# prepare
quiet docker network create --label "$label" "$name"
(quiet docker run -d --name "$name-llm" --label "$label" --network "$name" --network-alias llm -p 127.0.0.1::8081 \
   --cap-drop ALL --security-opt no-new-privileges --memory 256m --pids-limit 64 "$mock"
 until curl -sf "http://$(port "$name-llm" 8081)/ready" >/dev/null; do sleep 0.02; done) &
llm=$!
quiet docker volume create --label "$label" --opt type=tmpfs --opt device=tmpfs \
  --opt o=size=4096m,uid=1000,gid=1000,mode=0755 "$name-home"
quiet docker volume create --label "$label" "$name-data"
quiet docker volume create --label "$label" "$name-config"
volumes="-v $name-home:/opt/product -v $name-data:/var/lib/product -v $name-config:/etc/product"
quiet docker run -d --name "$name-toolbox" --label "$label" --network "$name" $volumes -v "$cache:/cache/uv" \
  --cap-drop ALL --cap-add CHOWN --cap-add DAC_OVERRIDE --cap-add FOWNER --security-opt no-new-privileges \
  "$platform" sleep infinity
box() { docker exec -u 1000 -e HOME=/tmp "$name-toolbox" timeout 600 "$@"; }
if [ -n "$ca" ]; then
  docker exec -u root "$name-toolbox" mkdir -p /run/lab
  quiet docker cp -q "$ca" "$name-toolbox:/run/lab/ca.crt"
fi

# install
quiet box python3 -c 'import platform; print(platform.python_version())'
docker exec -u 1000 "$name-toolbox" mkdir -p "$(dirname "$drop")"
quiet docker cp -q "$wheel" "$name-toolbox:$drop"
uv() {
  docker exec -u 1000 -e HOME=/tmp -e UV_CACHE_DIR=/cache/uv -e UV_LINK_MODE=copy -e UV_COMPILE_BYTECODE=1 \
    -e UV_PYTHON_DOWNLOADS=never -e UV_NO_PROGRESS=1 ${ca:+-e SSL_CERT_FILE=/run/lab/ca.crt} \
    "$name-toolbox" timeout 600 uv "$@" 2>/dev/null
}
quiet uv venv --quiet --python python3 /opt/product/venv
quiet uv pip install --python /opt/product/venv/bin/python "$drop"

# configure
docker exec -i -u 1000 "$name-toolbox" sh -c 'umask 077; cat >/etc/product/reference.env' <<CONFIG
REFERENCE_API_KEY=$key
REFERENCE_ENV=acceptance
REFERENCE_PORT=8881
REFERENCE_SHUTDOWN_GRACE=15
REFERENCE_DATABASE_URL=sqlite:////var/lib/product/reference.db
OPENAI_BASE_URL=http://llm:8080/v1
OPENAI_API_KEY=sk-mock-reference
CONFIG

start() {
  quiet docker run -d --name "$1" --label "$label" --network "$name" $volumes -p 127.0.0.1::8881 --user 1000:1000 \
    -w /var/lib/product --memory 1536m --cpus 2 --pids-limit 1024 --cap-drop ALL --security-opt no-new-privileges \
    -e REFERENCE_ENV_FILE=/etc/product/reference.env -e REFERENCE_HOST=0.0.0.0 -e PYTHONUNBUFFERED=1 \
    "$platform" /opt/product/venv/bin/reference-agents serve
  base="http://$(port "$1" 8881)"
}
ready() {
  local good=0
  until [ "$good" = 3 ]; do
    if curl -sf "$base/health" >/dev/null; then good=$((good + 1)); else good=0; fi
    sleep 0.02
  done
}
get() { quiet curl -sf -H "x-api-key: $key" "$base$1"; }
post() { quiet curl -sf -H "x-api-key: $key" -H 'content-type: application/json' -d "$2" "$base$1"; }
verify() {
  get /api/v1/sessions/first; get /api/v1/sessions/second; get /api/v1/mcp/configs/files
  get /api/v1/mcp/configs/weather; get /api/v1/mcp/configs/archive; get /api/v1/mcp/configs
}
gone() { while [ "$(docker inspect -f '{{.State.Running}}' "$1")" = true ]; do sleep 0.02; done; }

wait "$llm"
start "$name-product-1"; ready

# inspect
get /health; quiet box /opt/product/venv/bin/reference-agents --version
quiet box /opt/product/venv/bin/python -c 'import importlib.metadata as m; print(m.distribution("reference-agents").version)'
get /openapi.json; get /health; get /api/v1/agent/list; curl -s "$base/api/v1/agent/list" >/dev/null
quiet docker exec -u 1000 "$name-toolbox" cat /etc/product/reference.env
quiet docker stats --no-stream --no-trunc "$name-product-1" &
stats=$!
quiet docker top "$name-product-1"

# seed and verify
post /api/v1/agent/simple/run '{"message_content":"my name is Ada","session_name":"first"}'
post /api/v1/agent/simple/run '{"message_content":"what is my name?","session_name":"first"}'
post /api/v1/agent/researcher/run '{"message_content":"how old is the sea?","session_name":"second"}'
post /api/v1/mcp/configs '{"name":"files","server_type":"stdio","command":["mcp-files"],"agents":["simple"]}'
post /api/v1/mcp/configs '{"name":"weather","server_type":"http","url":"http://weather.example/mcp","agents":["simple"]}'
post /api/v1/mcp/configs '{"name":"archive","server_type":"stdio","command":["mcp-archive"],"enabled":false}'
verify

# stop with a request in flight
control="http://$(port "$name-llm" 8081)"
last=$(curl -sf "$control/journal?after=0" | sed 's/.*"next": *\([0-9]*\).*/\1/')
quiet curl -sf -X PUT -d '{"seconds":1.0,"times":1}' "$control/delay"
post /api/v1/agent/simple/run '{"message_content":"answer me","session_name":"in-flight"}' &
flight=$!
quiet curl -sf "$control/journal?after=$last&wait=10"
quiet docker top "$name-product-1"
quiet docker kill -s TERM "$name-product-1"; gone "$name-product-1"
wait "$flight"

# again
start "$name-product-2"; ready; verify; get /api/v1/sessions/in-flight
quiet docker top "$name-product-2"
quiet docker kill -s TERM "$name-product-2"; gone "$name-product-2"

# collect
for container in llm product-1 product-2; do
  quiet docker logs "$name-$container" 2>&1; quiet docker inspect "$name-$container"
done
kill "$stats" 2>/dev/null || true
