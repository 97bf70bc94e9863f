"""A switch for the hosts of a test network, whose cables delay and lose frames.

For kernels without the network emulator of tc. Each host's eth0 is a TAP device, and this program is what all of them
are plugged into. Whoever connects to its socket may say, a line each: HOST DIRECTION LOSS, as in "0 outgoing 1.0".
"""

import collections, errno, fcntl, os, random, select, socket, struct, sys, time

TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI = 0x0002, 0x1000
BROADCAST = 1  # the bit in a MAC address


def open_tap(name):
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
    return device


class Switch:
    def __init__(self, devices, delay, loss):
        self.devices, self.delay = devices, delay
        self.loss = {"outgoing": [loss] * len(devices), "incoming": [0.0] * len(devices)}
        self.under_way = collections.deque()  # (due, from, frame): all take equally long
        self.port_of = {}  # MAC address -> index of the device

    def take(self, source):
        """Takes what a host sends."""
        for _ in range(64):
            try:
                frame = os.read(self.devices[source], 65536)
            except BlockingIOError:
                return
            except OSError as error:
                # The host is gone: the test network is being removed.
                sys.exit(0 if error.errno == errno.EBADFD else str(error))
            self.port_of[frame[6:12]] = source
            if random.random() >= self.loss["outgoing"][source]:
                self.under_way.append((time.monotonic() + self.delay, source, frame))

    def deliver(self):
        """Hands out what is due; returns the seconds until something is."""
        while self.under_way:
            due, source, frame = self.under_way[0]
            wait = due - time.monotonic()
            if wait > 0:
                return wait
            self.under_way.popleft()
            port = None if frame[0] & BROADCAST else self.port_of.get(frame[0:6])
            for target in [port] if port is not None else range(len(self.devices)):
                if target != source and random.random() >= self.loss["incoming"][target]:
                    self.hand_out(target, frame)
        return None

    def hand_out(self, target, frame):
        try:
            os.write(self.devices[target], frame)
        except OSError as error:
            # Unplugged, or its queue is full: a network loses frames then.
            if error.errno not in (errno.EIO, errno.ENOBUFS, errno.EAGAIN):
                raise

    def obey(self, line):
        host, direction, loss = line.split()
        self.loss[direction][int(host)] = float(loss)


def main(path, delay_ms, loss, names):
    switch = Switch([open_tap(name) for name in names], float(delay_ms) / 1000, float(loss))
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    print("ready", flush=True)
    inputs = {device: index for index, device in enumerate(switch.devices)}
    while True:
        readable, _, _ = select.select([*inputs, listener, sys.stdin], [], [], switch.deliver())
        for one in readable:
            if one is listener:
                connection, _ = listener.accept()
                with connection, connection.makefile("rw") as lines:
                    for line in lines:
                        switch.obey(line)
                    lines.write("done\n")
            elif one is sys.stdin:
                return  # Its maker is gone.
            else:
                switch.take(inputs[one])


main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:])
