package io.tidemark.mount;

import io.tidemark.database.RefusedException;
import io.tidemark.database.WriteAuthority;

/** May be taken away and given back, at once or after a number of questions. */
final class SwitchableAuthority implements WriteAuthority {
  private long left = Long.MAX_VALUE;

  synchronized void refuse() {
    left = 0;
  }

  synchronized void grant() {
    left = Long.MAX_VALUE;
  }

  /** Says yes so many times, and no afterwards. */
  synchronized void grantOnly(int times) {
    left = times;
  }

  @Override
  public synchronized void check() throws RefusedException {
    if (left == 0) {
      throw new RefusedException(RefusedException.Kind.READ_ONLY, "the lease is gone (test)");
    }
    if (left != Long.MAX_VALUE) {
      left--;
    }
  }
}
