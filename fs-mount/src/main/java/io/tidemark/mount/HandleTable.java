package io.tidemark.mount;

import java.util.ArrayDeque;
import java.util.Arrays;

/** Handles by number. Looking one up costs an array access. */
final class HandleTable {
  private volatile Handle[] handles = new Handle[64];
  private final ArrayDeque<Integer> free = new ArrayDeque<>();
  private int used = 1; // 0 is not a handle

  /** The handle of that number, or null. */
  Handle get(long number) {
    Handle[] now = handles;
    return number > 0 && number < now.length ? now[(int) number] : null;
  }

  synchronized long add(Handle handle) {
    Integer number = free.pollFirst();
    if (number == null) {
      number = used++;
    }
    Handle[] now = handles;
    if (number >= now.length) {
      now = Arrays.copyOf(now, now.length * 2);
    }
    now[number] = handle;
    handles = now;
    return number;
  }

  synchronized Handle remove(long number) {
    Handle handle = get(number);
    if (handle != null) {
      handles[(int) number] = null;
      free.addLast((int) number);
    }
    return handle;
  }
}
