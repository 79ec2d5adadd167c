package io.tidemark.proxy;

/**
 * Where requests are sent to: the application, or the proxy of the primary.
 *
 * @param peer null for the application
 */
record Endpoint(String host, int port, PrimaryNode peer) {
  static Endpoint of(PrimaryNode primary) {
    return new Endpoint(primary.host(), primary.port(), primary);
  }

  boolean isPeer() {
    return peer != null;
  }

  /** For people. */
  @Override
  public String toString() {
    String at = (host.indexOf(':') >= 0 ? "[" + host + "]" : host) + ":" + port;
    return (isPeer() ? "the primary at " : "the application at ") + at;
  }
}
