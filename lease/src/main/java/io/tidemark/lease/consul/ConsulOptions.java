package io.tidemark.lease.consul;

import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/**
 * Where and how the lease is kept in Consul.
 *
 * @param url of the agent's HTTP API, {@code http} or {@code https}
 * @param key under which {@code primary} and {@code record} are kept
 * @param ttl of the session, 10 s to 24 h; the server waits up to twice as long before it ends one
 * @param lockDelay how long after the end of a session by TTL nobody gets the lock, 0 to 60 s. The
 *     holder's own deadline makes it unnecessary; it is one more line of defence
 * @param token of the access control, sent as {@code X-Consul-Token}
 * @param caFile certificate authorities in PEM, instead of the system's
 * @param timeout of a call
 */
public record ConsulOptions(
    URI url,
    String key,
    Duration ttl,
    Duration lockDelay,
    Optional<String> token,
    Optional<Path> caFile,
    Duration timeout) {
  private static final Duration LEAST_TTL = Duration.ofSeconds(10);
  private static final Duration GREATEST_TTL = Duration.ofHours(24);
  private static final Duration GREATEST_LOCK_DELAY = Duration.ofSeconds(60);

  public ConsulOptions {
    if (ttl.compareTo(LEAST_TTL) < 0 || ttl.compareTo(GREATEST_TTL) > 0) {
      throw new IllegalArgumentException("Consul takes a TTL of 10s to 24h, not " + ttl);
    }
    if (lockDelay.isNegative() || lockDelay.compareTo(GREATEST_LOCK_DELAY) > 0) {
      throw new IllegalArgumentException(
          "Consul takes a lock delay of 0s to 60s, not " + lockDelay);
    }
    key = key.replaceAll("^/+|/+$", "");
    if (key.isEmpty()) {
      throw new IllegalArgumentException("the key in Consul is empty");
    }
  }
}
