package io.tidemark.proxy;

import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Warns of a cause once, however many requests it concerns, and again when it lasts. */
final class CauseLog {
  private static final Logger LOG = LoggerFactory.getLogger(CauseLog.class);
  private static final long AGAIN_NANOS = TimeUnit.MINUTES.toNanos(1);
  private static final int MOST_CAUSES = 64;

  private final ConcurrentMap<String, Long> warned = new ConcurrentHashMap<>();

  /**
   * @param cause what stays the same as long as the cause does
   */
  void warn(String cause, String detail) {
    if (mayWarn(cause)) {
      LOG.warn("proxy: {}: {}", cause, detail);
    }
  }

  private boolean mayWarn(String cause) {
    long now = System.nanoTime();
    Long before = warned.get(cause);
    if (before != null && now - before < AGAIN_NANOS) {
      return false;
    }
    if (warned.size() >= MOST_CAUSES) {
      warned.clear();
    }
    return before == null
        ? warned.putIfAbsent(cause, now) == null
        : warned.replace(cause, before, now);
  }

  /** Something went wrong that never should. */
  void failed(String what, Throwable cause) {
    if (mayWarn(String.valueOf(cause))) {
      LOG.warn("proxy: {}", what, cause);
    }
  }

  /** It has gone. */
  void over(String cause) {
    if (!warned.isEmpty() && warned.remove(cause) != null) {
      LOG.info("proxy: no more: {}", cause);
    }
  }
}
