package io.tidemark.it;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Ports for programs. A program keeps its port while it is down, so they are none of those that the
 * kernel gives to connections (from 32768 on by default), none is handed out twice, and each of the
 * processes that these tests run in has a range of its own.
 */
final class Ports {
  private static final int FIRST = 22_000;
  private static final int RANGE = 2_500;
  private static final int RANGES = 4;

  /** Somewhere in the range, for the sake of tests of another checkout. */
  private static int next = ThreadLocalRandom.current().nextInt(RANGE);

  private Ports() {}

  /** One that nothing listens on. */
  static synchronized int free() {
    int first = FIRST + RANGE * (Settings.fork() % RANGES);
    for (int tries = 0; tries < RANGE; tries++) {
      int port = first + next;
      next = (next + 1) % RANGE;
      try (ServerSocket socket = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
        return socket.getLocalPort();
      } catch (IOException e) {
        // Somebody listens there; the next one will do.
        continue;
      }
    }
    throw new AssertionError("no free port from " + first + " on");
  }
}
