# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# A channel that streams a generated picture with a running clock. Sourced; needs say.sh.

# random_password: 20 letters and digits, 119 bits.
random_password() {
  local text=''
  while [ ${#text} -lt 20 ]; do
    text+=$(head -c 64 /dev/urandom | base64 -w 0 | tr -d '+/=')
  done
  printf '%s' "${text:0:20}"
}

# json_text NAME: the text value of "NAME" in the JSON on standard input; enough for tokens and keys.
json_text() {
  sed -n 's/.*"'"$1"'" *: *"\([^"]*\)".*/\1/p'
}

# demo_key API PASSWORD: the demo channel's stream key, its stream started with a title.
demo_key() {
  local api=$1 password=$2 token
  token=$(curl -sS --max-time 20 --data-urlencode grant_type=password --data-urlencode username=demo \
    --data-urlencode "password=$password" "$api/auth/token" | json_text access_token) || return 1
  [ -n "$token" ] || return 1
  curl -sS --max-time 20 -H "Authorization: Bearer $token" -H 'Content-Type: application/json' \
    -d '{"title":"Demo: a clock"}' "$api/streams/start" | json_text stream_key
}

# publish_clock RTMP_ADDRESS LOG: 720p30, about 2 Mbit/s, a key frame every 2 s, until it is killed. Comes back
# after 1, 2, 4 … 30 s when the connection ends.
publish_clock() {
  local address=$1 log=$2 wait=1 began ffmpeg=''
  local font=/usr/share/fonts/truetype/dejavu/DejaVuSansMono-Bold.ttf
  local clock="drawtext=fontfile=$font:fontsize=96:fontcolor=white:box=1:boxcolor=black@0.6:boxborderw=16"
  clock+=":x=(w-tw)/2:y=h*0.42:text='%{localtime\\:%X.%3N}'"
  # ffmpeg takes its leave (deleteStream), so that the stream ends and does not wait for its return.
  trap '[ -z "$ffmpeg" ] || { kill "$ffmpeg" && wait "$ffmpeg"; } 2>/dev/null; exit 0' TERM INT HUP
  while :; do
    began=$SECONDS
    ffmpeg -nostdin -hide_banner -loglevel error -re \
      -f lavfi -i "testsrc2=size=1280x720:rate=30" -f lavfi -i "sine=frequency=440:sample_rate=48000" \
      -vf "$clock" -af "volume=-20dB" \
      -c:v libx264 -preset veryfast -tune zerolatency -profile:v main -pix_fmt yuv420p -threads 1 \
      -b:v 2000k -maxrate 2000k -bufsize 2000k -g 60 -keyint_min 60 -sc_threshold 0 \
      -c:a aac -b:a 96k -ac 2 -f flv "$address" </dev/null >"$log" 2>&1 &
    ffmpeg=$!
    wait "$ffmpeg" || true
    ffmpeg=''
    [ $((SECONDS - began)) -lt 30 ] || wait=1
    sleep "$wait" &
    wait $! || true
    wait=$((wait < 16 ? wait * 2 : 30))
  done
}
