"""Camera over RTSP with GStreamer's server, for `firstframe bench compare`. How it is spoken to: bench/compare/program.ts.

    rtsp-camera.py ADDRESS

One pipeline for all viewers, as a live camera has: a frame of JPEG each 33 ms, over UDP.
"""

import signal
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

PIPELINE = (
    "( videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=240,framerate=30/1 "
    "! jpegenc ! rtpjpegpay name=pay0 pt=26 mtu=1200 )"
)


def main():
    # Ctrl-C is for the process that started this one to act on; it then closes stdin.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Gst.init(None)
    loop = GLib.MainLoop()
    server = GstRtspServer.RTSPServer()
    server.set_address(sys.argv[1])
    server.set_service("0")
    server.set_backlog(4096)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(PIPELINE)
    factory.set_shared(True)
    server.get_mount_points().add_factory("/bench", factory)
    if server.attach(None) == 0:
        sys.exit("rtsp-camera: it cannot listen there")
    GLib.io_add_watch(0, GLib.PRIORITY_DEFAULT, GLib.IOCondition.HUP | GLib.IOCondition.IN, lambda *_: loop.quit())
    print("port", server.get_bound_port(), flush=True)
    loop.run()


main()
