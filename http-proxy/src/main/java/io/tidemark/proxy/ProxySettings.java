package io.tidemark.proxy;

import java.time.Duration;
import java.util.List;

/**
 * What a proxy was told. Durations of zero mean no limit, except where said.
 *
 * @param nodeName names this proxy in Via and among the hops of a request: letters and digits
 * @param targetHost where the application is, name or address without brackets
 * @param databases whose positions are put into the cookie; empty for all, as long as they are few
 * @param passthrough path patterns of requests that are only passed on
 * @param alwaysForward path patterns of requests that count as writes whatever their method
 * @param flyReplay whether a request that writes is left to Fly's router instead of being forwarded
 * @param maxLag above which the health check fails
 * @param primaryTimeout how long a request that writes is held until somebody may write
 * @param readTimeout longest time in which a request must have come, with its body
 * @param headTimeout the same without its body
 * @param writeTimeout longest time from the head of a request to the end of its answer
 * @param idleTimeout longest silence on a kept connection
 * @param limits what clients may cost
 */
public record ProxySettings(
    String nodeName,
    String targetHost,
    int targetPort,
    List<String> databases,
    List<String> passthrough,
    List<String> alwaysForward,
    boolean flyReplay,
    Duration maxLag,
    Duration primaryTimeout,
    Duration readTimeout,
    Duration headTimeout,
    Duration writeTimeout,
    Duration idleTimeout,
    Limits limits) {

  /**
   * What clients may cost, and how long the proxy tries.
   *
   * @param maxConnections of clients at the same time
   * @param maxLine bytes of a request line
   * @param maxHeaders bytes of all headers of a request or an answer
   * @param maxHeads bytes of all requests together that are being read or answered, without bodies
   * @param easyBuffers bytes of the process's direct buffers up to which answers are read ahead
   * @param maxBuffers bytes of the process's direct buffers above which requests are refused
   * @param positionTimeout how long a read waits until this node has what its client has seen; not
   *     zero
   * @param startTimeout how long connecting to the application is tried again, while it starts
   */
  public record Limits(
      int maxConnections,
      int maxLine,
      int maxHeaders,
      long maxHeads,
      long easyBuffers,
      long maxBuffers,
      Duration positionTimeout,
      Duration startTimeout) {
    /** As documented. */
    public static Limits defaults() {
      return new Limits(
          16_384,
          8 << 10,
          32 << 10,
          16 << 20,
          20 << 20,
          40 << 20,
          Duration.ofSeconds(5),
          Duration.ofSeconds(30));
    }
  }
}
