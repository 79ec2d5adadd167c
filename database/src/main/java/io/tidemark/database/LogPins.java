package io.tidemark.database;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Who still needs which part of a log: retention deletes nothing after the lowest pin.
 *
 * <p>Invariant: a pin comes into being under the lock of the database, under which retention
 * decides as well, so what was there when it was made stays. It moves only forwards and may go at
 * any time, so both need no lock.
 */
final class LogPins {
  private final ReentrantLock lock;
  private final Set<Pin> pins = ConcurrentHashMap.newKeySet();

  /**
   * @param lock of the database
   */
  LogPins(ReentrantLock lock) {
    this.lock = lock;
  }

  /** Keeps the records after a transaction until the pin is moved or closed. */
  Pin pin(long afterTxid) {
    assert lock.isHeldByCurrentThread();
    Pin pin = new Pin(afterTxid);
    pins.add(pin);
    return pin;
  }

  /** All records after this transaction are needed; {@link Long#MAX_VALUE} without a pin. */
  long lowest() {
    long lowest = Long.MAX_VALUE;
    for (Pin pin : pins) {
      lowest = Math.min(lowest, pin.afterTxid);
    }
    return lowest;
  }

  /** One reader's need. */
  final class Pin implements AutoCloseable {
    private volatile long afterTxid;

    private Pin(long afterTxid) {
      this.afterTxid = afterTxid;
    }

    /** The records up to this transaction are not needed any more; never moves back. */
    void move(long newAfterTxid) {
      if (newAfterTxid > afterTxid) {
        afterTxid = newAfterTxid;
      }
    }

    /** Gives the pin up; again does nothing. */
    @Override
    public void close() {
      pins.remove(this);
    }
  }
}
