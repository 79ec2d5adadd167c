package io.tidemark.lease.support;

import io.tidemark.lease.LeaseWatch;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** The running watches of one client, so that they end with it. */
public final class HintLoops implements AutoCloseable {
  private final Set<HintLoop> running = ConcurrentHashMap.newKeySet();

  /** Runs until it, or all of them, is closed. */
  public LeaseWatch start(String store, HintLoop.Source source, Runnable hint) {
    HintLoop loop = HintLoop.start(store, source, hint);
    running.add(loop);
    return () -> {
      running.remove(loop);
      loop.close();
    };
  }

  @Override
  public void close() {
    running.forEach(HintLoop::close);
    running.clear();
  }
}
