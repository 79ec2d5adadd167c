package io.tidemark.database;

import java.util.Arrays;

/**
 * Hash map from positive int to int without boxing, open addressing with linear probing. Keys are
 * never removed one by one; {@link #clear} empties it and keeps the arrays up to a modest size.
 */
final class IntMap {
  private static final int KEEP = 1 << 14;

  private int[] keys = new int[64];
  private int[] values = new int[64];
  private int size;

  /** The value of {@code key}, or {@code absent}. Keys are compared as unsigned, 0 is no key. */
  int get(int key, int absent) {
    int mask = keys.length - 1;
    int i = mix(key) & mask;
    while (keys[i] != 0) {
      if (keys[i] == key) {
        return values[i];
      }
      i = (i + 1) & mask;
    }
    return absent;
  }

  boolean contains(int key) {
    int mask = keys.length - 1;
    int i = mix(key) & mask;
    while (keys[i] != 0) {
      if (keys[i] == key) {
        return true;
      }
      i = (i + 1) & mask;
    }
    return false;
  }

  void put(int key, int value) {
    assert key != 0;
    if (size * 2 >= keys.length) {
      grow();
    }
    int mask = keys.length - 1;
    int i = mix(key) & mask;
    while (keys[i] != 0 && keys[i] != key) {
      i = (i + 1) & mask;
    }
    if (keys[i] == 0) {
      keys[i] = key;
      size++;
    }
    values[i] = value;
  }

  int size() {
    return size;
  }

  void clear() {
    if (keys.length > KEEP) {
      keys = new int[64];
      values = new int[64];
    } else if (size > 0) {
      Arrays.fill(keys, 0);
    }
    size = 0;
  }

  /** All keys in ascending unsigned order. */
  int[] sortedKeys() {
    int[] sorted = new int[size];
    int n = 0;
    for (int key : keys) {
      if (key != 0) {
        sorted[n++] = key;
      }
    }
    sortUnsigned(sorted, n);
    return sorted;
  }

  static void sortUnsigned(int[] a, int n) {
    for (int i = 0; i < n; i++) {
      a[i] ^= Integer.MIN_VALUE;
    }
    Arrays.sort(a, 0, n);
    for (int i = 0; i < n; i++) {
      a[i] ^= Integer.MIN_VALUE;
    }
  }

  private void grow() {
    int[] oldKeys = keys;
    int[] oldValues = values;
    keys = new int[oldKeys.length * 2];
    values = new int[oldKeys.length * 2];
    size = 0;
    for (int i = 0; i < oldKeys.length; i++) {
      if (oldKeys[i] != 0) {
        put(oldKeys[i], oldValues[i]);
      }
    }
  }

  private static int mix(int key) {
    int h = key * 0x9E3779B9;
    return h ^ (h >>> 15);
  }
}
