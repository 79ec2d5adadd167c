package io.tidemark.node.config;

import java.net.InetSocketAddress;

/**
 * An address to listen on.
 *
 * @param host name or address without brackets; "" for all interfaces
 * @param port 0 for any free port
 */
public record HostPort(String host, int port) {

  /**
   * Parses {@code HOST:PORT}, {@code [IPV6]:PORT} or {@code :PORT}.
   *
   * @throws IllegalArgumentException when the text is none of these; the message says what is
   *     expected
   */
  public static HostPort parse(String text) {
    int colon = text.lastIndexOf(':');
    String host = colon < 0 ? "" : text.substring(0, colon);
    boolean bracketed = host.startsWith("[") && host.endsWith("]");
    if (colon < 0 || (!bracketed && host.indexOf(':') >= 0)) {
      throw expected();
    }
    try {
      int port = Integer.parseInt(text.substring(colon + 1));
      if (port < 0 || port > 65535) {
        throw expected();
      }
      return new HostPort(bracketed ? host.substring(1, host.length() - 1) : host, port);
    } catch (NumberFormatException e) {
      throw expected();
    }
  }

  private static IllegalArgumentException expected() {
    return new IllegalArgumentException("an address such as 127.0.0.1:20202 or :20202");
  }

  /** Whether only programs of this host can connect, judged by the text alone. */
  public boolean isLoopback() {
    return host.equals("localhost")
        || host.equals("::1")
        || host.matches("127\\.\\d{1,3}\\.\\d{1,3}\\.\\d{1,3}");
  }

  /** For listening there. */
  public InetSocketAddress socketAddress() {
    return host.isEmpty() ? new InetSocketAddress(port) : new InetSocketAddress(host, port);
  }

  @Override
  public String toString() {
    return (host.indexOf(':') >= 0 ? "[" + host + "]" : host) + ":" + port;
  }
}
