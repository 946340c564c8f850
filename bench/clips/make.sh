#!/usr/bin/env bash
# Makes the bundled clip again: 6 s of real x264 output, 640x360, 25 frames/s, a key frame each 2 s.
set -euo pipefail
cd "$(dirname "$0")"
ffmpeg -hide_banner -loglevel error -y \
  -f lavfi -i "mandelbrot=size=640x360:rate=25:start_scale=0.8:end_scale=0.05:end_pts=150,trim=duration=6" \
  -c:v libx264 -profile:v main -preset slow -crf 30 -g 50 -keyint_min 50 -sc_threshold 0 -bf 0 \
  -pix_fmt yuv420p -threads 1 -f h264 mandelbrot.h264
