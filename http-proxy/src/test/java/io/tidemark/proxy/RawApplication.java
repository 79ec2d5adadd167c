package io.tidemark.proxy;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** An application of which a test plays every byte. */
final class RawApplication implements AutoCloseable {
  /** Answers one request after the other by itself. */
  interface Script {
    /**
     * @return false to close the connection
     */
    boolean answer(RawConnection connection, String head) throws IOException;
  }

  /** Says what it was asked. */
  static final Script ECHO =
      (connection, head) -> {
        String body = connection.body(head);
        String text = head + body;
        connection.send(
            "HTTP/1.1 200 OK\r\nContent-Length: "
                + text.length()
                + "\r\n\r\n"
                + (head.startsWith("HEAD ") ? "" : text));
        return true;
      };

  private final ServerSocket listener = new ServerSocket(0, 100, InetAddress.getLoopbackAddress());
  private final BlockingQueue<RawConnection> accepted = new LinkedBlockingQueue<>();
  private final AtomicInteger connections = new AtomicInteger();
  final AtomicInteger requests = new AtomicInteger();

  /**
   * @param script null when the test takes the connections itself
   */
  RawApplication(Script script) throws IOException {
    Thread thread =
        new Thread(
            () -> {
              try {
                while (true) {
                  Socket socket = listener.accept();
                  connections.incrementAndGet();
                  RawConnection connection = new RawConnection(socket);
                  if (script == null) {
                    accepted.add(connection);
                  } else {
                    Thread server = new Thread(() -> serve(connection, script), "application");
                    server.setDaemon(true);
                    server.start();
                  }
                }
              } catch (IOException e) {
                // The test has ended.
              }
            },
            "application");
    thread.setDaemon(true);
    thread.start();
  }

  private void serve(RawConnection connection, Script script) {
    try (connection) {
      boolean more = true;
      while (more) {
        String head = connection.head();
        more = !head.isEmpty();
        if (more) {
          requests.incrementAndGet();
          more = script.answer(connection, head);
        }
      }
    } catch (IOException | RuntimeException e) {
      // The proxy has closed the connection, which the test sees in what its client gets.
    }
  }

  int port() {
    return listener.getLocalPort();
  }

  int connections() {
    return connections.get();
  }

  /** The next connection that the proxy makes. */
  RawConnection next() throws InterruptedException {
    RawConnection connection = accepted.poll(10, TimeUnit.SECONDS);
    if (connection == null) {
      throw new AssertionError("the proxy did not connect");
    }
    return connection;
  }

  boolean hasNext(long millis) throws InterruptedException {
    RawConnection connection = accepted.poll(millis, TimeUnit.MILLISECONDS);
    if (connection != null) {
      accepted.add(connection);
    }
    return connection != null;
  }

  @Override
  public void close() throws IOException {
    listener.close();
    for (RawConnection connection : accepted) {
      connection.close();
    }
  }
}
