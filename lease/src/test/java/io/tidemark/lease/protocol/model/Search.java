package io.tidemark.lease.protocol.model;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Explores every state within the bounds, nearest first, so that a counterexample is as short as it
 * can be. A state that was seen is remembered by a 63-bit fingerprint: with five million states the
 * chance that two share one, and one of them is left out, is about one in a million.
 */
final class Search {
  /**
   * @param depth the longest way to a state that was explored
   * @param complete whether all states were explored, rather than all up to the depth
   * @param trace the steps to a broken promise, the last line says which; null if there is none
   */
  record Result(
      String name, long states, long steps, int depth, boolean complete, List<String> trace) {
    @Override
    public String toString() {
      return String.format(
          "%-28s %,11d states %,12d steps, %s depth %d%s",
          name,
          states,
          steps,
          complete ? "complete at" : "cut at",
          depth,
          trace == null ? "" : ", COUNTEREXAMPLE of " + (trace.size() - 1) + " steps");
    }
  }

  private static final int CHUNK = 1 << 20;

  private final ClusterModel model;
  private final int nodes;
  private final int mostStates;
  private final int mostDepth;

  /** Number of each state + 1 by the hash of its fingerprint; 0 for a free place. */
  private int[] table = new int[1 << 16];

  /** By number of the state, in the order in which they were found. */
  private long[] prints = new long[1 << 15];

  private int[] parents = new int[1 << 15];
  private int size;
  private long steps;

  /** The states of a level one after the other, each as its fields. */
  private static final class Level {
    final List<byte[]> chunks = new ArrayList<>();
    final List<Integer> counts = new ArrayList<>();
    int end;

    void push(World world) {
      if (chunks.isEmpty() || end > CHUNK - World.MOST_BYTES) {
        chunks.add(new byte[CHUNK]);
        counts.add(0);
        end = 0;
      }
      int last = chunks.size() - 1;
      end = world.pack(chunks.get(last), end);
      counts.set(last, counts.get(last) + 1);
    }
  }

  Search(ClusterModel model, int mostStates, int mostDepth) {
    this.model = model;
    this.nodes = model.bounds().nodes();
    this.mostStates = mostStates;
    this.mostDepth = mostDepth;
  }

  Result run() {
    Level level = new Level();
    World start = model.start();
    add(start.fingerprint(nodes), -1);
    level.push(start);
    int depth = 0;
    int number = 0;
    while (!level.chunks.isEmpty() && depth < mostDepth && size < mostStates) {
      Level next = new Level();
      for (int chunk = 0; chunk < level.chunks.size(); chunk++) {
        World.Reader reader = new World.Reader(level.chunks.get(chunk));
        for (int i = level.counts.get(chunk); i > 0; i--) {
          List<String> trace = expand(reader.next(), number++, next);
          if (trace != null) {
            return result(depth + 1, false, trace);
          }
        }
        level.chunks.set(chunk, null);
      }
      level = next;
      depth++;
    }
    return result(depth, level.chunks.isEmpty(), null);
  }

  private Result result(int depth, boolean complete, List<String> trace) {
    return new Result(model.bounds().name(), size, steps, depth, complete, trace);
  }

  private List<String> expand(World world, int number, Level level) {
    try {
      model.expand(
          world,
          false,
          (to, label) -> {
            steps++;
            if (add(to.fingerprint(nodes), number)) {
              level.push(to);
            }
          });
      return null;
    } catch (Violation violation) {
      return trace(number, violation);
    }
  }

  // ----------------------------------------------------------------- states

  private boolean add(long print, int parent) {
    if (2 * size >= table.length) {
      grow();
    }
    int slot = slot(print);
    if (table[slot] != 0) {
      return false;
    }
    if (size == prints.length) {
      prints = Arrays.copyOf(prints, size + (size >> 1));
      parents = Arrays.copyOf(parents, size + (size >> 1));
    }
    prints[size] = print;
    parents[size] = parent;
    table[slot] = ++size;
    return true;
  }

  private int slot(long print) {
    int mask = table.length - 1;
    int slot = (int) (print >>> 20) & mask;
    while (table[slot] != 0 && prints[table[slot] - 1] != print) {
      slot = slot + 1 & mask;
    }
    return slot;
  }

  private void grow() {
    table = new int[2 * table.length];
    for (int i = 0; i < size; i++) {
      table[slot(prints[i])] = i + 1;
    }
  }

  // ------------------------------------------------------------------ trace

  /** Goes the way again, this time with words. */
  private List<String> trace(int number, Violation violation) {
    ArrayDeque<Long> way = new ArrayDeque<>();
    for (int at = number; at > 0; at = parents[at]) {
      way.push(prints[at]);
    }
    List<String> lines = new ArrayList<>();
    World[] at = {model.start()};
    lines.add("start: " + model.describe(at[0]));
    for (long print : way) {
      World before = at[0];
      try {
        model.expand(
            before,
            true,
            (to, label) -> {
              if (at[0] == before && to.fingerprint(nodes) == print) {
                at[0] = to;
                lines.add(label + "\n      " + model.describe(to));
              }
            });
      } catch (Violation later) {
        // Of another step from the same state; the way goes on before it.
        if (at[0] == before) {
          throw later;
        }
      }
    }
    try {
      model.expand(at[0], true, (to, label) -> {});
    } catch (Violation again) {
      lines.add("BROKEN: " + again.getMessage());
      return lines;
    }
    throw new IllegalStateException("the trace does not lead to: " + violation.getMessage());
  }
}
