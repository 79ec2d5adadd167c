package io.tidemark.it;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/** A port that leads to another one, until it is told to lose or to cut what comes back. */
final class Relay implements AutoCloseable {
  private final int target;
  private final ServerSocket server;
  private final Set<Socket> open = ConcurrentHashMap.newKeySet();
  private final AtomicInteger cuts = new AtomicInteger();
  private volatile long cutAfter;
  private volatile boolean losing;

  Relay(int target) throws IOException {
    this.target = target;
    this.server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    start(this::accept);
  }

  int port() {
    return server.getLocalPort();
  }

  /** From now on requests arrive, but no answer comes back: its connection breaks instead. */
  void loseAnswers(boolean now) {
    losing = now;
  }

  /**
   * The next connections that bring more than some bytes back break when they have.
   *
   * @param times so many of them; later ones last
   */
  void cutAfter(long bytes, int times) {
    cutAfter = bytes;
    cuts.set(times);
  }

  /** Cuts that are still to come. */
  int cutsLeft() {
    return cuts.get();
  }

  private static void start(Runnable work) {
    Thread thread = new Thread(work, "relay");
    thread.setDaemon(true);
    thread.start();
  }

  private void accept() {
    while (!server.isClosed()) {
      try {
        Socket client = server.accept();
        Socket node = new Socket(InetAddress.getLoopbackAddress(), target);
        open.add(client);
        open.add(node);
        start(() -> pump(client, node, false));
        start(() -> pump(node, client, true));
      } catch (IOException e) {
        // The node or the test has ended; the client finds out by itself.
      }
    }
  }

  private void pump(Socket from, Socket to, boolean answers) {
    try (from;
        to) {
      InputStream in = from.getInputStream();
      OutputStream out = to.getOutputStream();
      byte[] buffer = new byte[65536];
      long sent = 0;
      for (int n = in.read(buffer); n >= 0 && !(answers && losing); n = in.read(buffer)) {
        out.write(buffer, 0, n);
        sent += n;
        if (answers && cuts.get() > 0 && sent >= cutAfter) {
          cuts.decrementAndGet();
          return;
        }
      }
    } catch (IOException e) {
      // One side has ended: so does the other.
    } finally {
      open.remove(from);
      open.remove(to);
    }
  }

  @Override
  public void close() throws IOException {
    server.close();
    for (Socket socket : open) {
      socket.close();
    }
  }
}
