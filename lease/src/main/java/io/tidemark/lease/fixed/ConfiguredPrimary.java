package io.tidemark.lease.fixed;

import io.tidemark.lease.Acquisition;
import io.tidemark.lease.LeaseWatch;
import io.tidemark.lease.Leaser;
import io.tidemark.lease.Owner;
import io.tidemark.lease.Stored;
import java.util.Optional;

/**
 * The static lease as a node sees it that is not the primary: the configuration names who is. There
 * is no record to read; the primary tells its epoch in the stream.
 */
public final class ConfiguredPrimary implements Leaser {
  private final Owner primary;

  public ConfiguredPrimary(String hostname, String advertiseUrl) {
    primary = new Owner(hostname, "", advertiseUrl);
  }

  @Override
  public Stored read() {
    return new Stored(Optional.empty(), Optional.of(primary));
  }

  @Override
  public Acquisition acquire(Stored seen, String nextRecord, Owner owner) {
    return new Acquisition.HeldBy(primary);
  }

  @Override
  public LeaseWatch watch(Runnable hint) {
    return () -> {}; // What the configuration says does not change while the program runs.
  }

  @Override
  public String describe() {
    return "the static lease of " + primary;
  }

  @Override
  public void close() {
    // Nothing is open.
  }
}
