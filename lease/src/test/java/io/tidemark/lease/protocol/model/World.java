package io.tidemark.lease.protocol.model;

import java.util.Arrays;

/**
 * One state of the modelled cluster: three nodes, the store, what is on its way, and what an
 * all-seeing observer has noted. All of it is small numbers in one array, so that a state is cheap
 * to copy, to store and to hash.
 *
 * <p>A log is one number: byte i is the record with TXID i + 1, (epoch, content) as {@code epoch *
 * 8 + content}, 0 after the end. A record of the cluster is one number, see {@link Records}.
 */
final class World {
  static final int NODES = 3;
  static final int CONTENTS = 3;
  static final int EPOCHS = 7;
  static final int MESSAGES = 3;
  static final int REQUESTS = 3;

  // Fields of a node.
  static final int ROLE = 0;
  static final int PROCESS = 1;
  static final int INCARNATION = 2;
  static final int TOKEN = 3;
  static final int EPOCH = 4;

  /** Whose epoch that is, as an owner; 0 for unknown. */
  static final int NONCE = 5;

  static final int SEEN = 6;
  static final int LOG = 7;
  static final int DISK_LOG = 8;
  static final int COMMIT = 9;
  static final int DISK_COMMIT = 10;

  /** TXID + 1, 0 for hidden. */
  static final int SHOWN = 11;

  static final int LAST_SHOWN = 12;
  static final int INHERITED = 13;
  static final int RECORD = 14;
  static final int PROPOSED = 15;

  /** Whether what is proposed gives up the lease. */
  static final int RELEASING = 16;

  static final int MATCHED = 17;

  /** The node that is followed + 1; 0 for none. */
  static final int LEADER = 18;

  /** First commit position heard since the start + 1; 0 for none. */
  static final int FIRST = 19;

  /** Newest commit position heard + 1; 0 for none. */
  static final int HEARD = 20;

  /** Content that this primary has cut and not yet seen aborted + 1; 0 for none. */
  static final int ABORTING = 21;

  /** Three acknowledgements, packed; 0 for none. */
  static final int ACKS = 22;

  static final int NODE_SIZE = ACKS + NODES;

  static final int STORE = NODES * NODE_SIZE;

  /** The record in the store; 0 for none. */
  static final int STORE_RECORD = STORE;

  /** Owner's node + 1 and process; 0 for nobody. */
  static final int STORE_OWNER = STORE + 1;

  /** An earlier record that the store may go back to. */
  static final int STORE_BACKUP = STORE + 2;

  /** Requests on their way to the store: {kind and sender, new record}. */
  static final int REQUEST = STORE + 3;

  /** Messages on their way: {from, to and so on, log}. */
  static final int MESSAGE = REQUEST + 2 * REQUESTS;

  /** Committed history, as a log. */
  static final int HISTORY = MESSAGE + 2 * MESSAGES;

  /** What became of each content. */
  static final int STATUS = HISTORY + 1;

  /** What was appended in each epoch, as a log with gaps. */
  static final int APPENDED = STATUS + CONTENTS;

  /** Who was primary in each epoch: node + 1 and process. */
  static final int PRIMARY_OF = APPENDED + EPOCHS;

  static final int CRASHES = PRIMARY_OF + EPOCHS;
  static final int DISK_LOSSES = CRASHES + 1;
  static final int RESTORES = CRASHES + 2;
  static final int HANDOFFS = CRASHES + 3;
  static final int SIZE = CRASHES + 4;

  // What became of a content.
  static final int UNUSED = 0;
  static final int ACKNOWLEDGED = 1;
  static final int IN_DOUBT = 2;
  static final int ABORTED = 3;

  /** The program waits at node 0, 1 or 2. */
  static final int WAITS = 4;

  static final int[][] PERMUTATIONS = {
    {0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}
  };

  final int[] f;

  World() {
    f = new int[SIZE];
  }

  private World(int[] fields) {
    f = fields;
  }

  World copy() {
    return new World(f.clone());
  }

  int get(int node, int field) {
    return f[node * NODE_SIZE + field];
  }

  void set(int node, int field, int value) {
    f[node * NODE_SIZE + field] = value;
  }

  // ------------------------------------------------------------------- logs

  static int length(int log) {
    return (39 - Integer.numberOfLeadingZeros(log)) >> 3;
  }

  static int prefix(int log, int length) {
    return length <= 0 ? 0 : log & (-1 >>> (32 - 8 * length));
  }

  static int common(int a, int b) {
    int different = a ^ b;
    int same = different == 0 ? 4 : Integer.numberOfTrailingZeros(different) >> 3;
    return Math.min(same, Math.min(length(a), length(b)));
  }

  static boolean isPrefix(int shorter, int longer) {
    return common(shorter, longer) == length(shorter);
  }

  static int entry(int log, int txid) {
    return log >>> (8 * (txid - 1)) & 0xff;
  }

  static int append(int log, int entry) {
    return log | entry << (8 * length(log));
  }

  // --------------------------------------------------------------- packing

  /** Appends the state as bytes: most numbers are small. */
  int pack(byte[] to, int at) {
    for (int value : f) {
      while ((value & ~0x7f) != 0) {
        to[at++] = (byte) (value | 0x80);
        value >>>= 7;
      }
      to[at++] = (byte) value;
    }
    return at;
  }

  static final int MOST_BYTES = SIZE * 5;

  /** Reads states one after the other. */
  static final class Reader {
    private final byte[] from;
    private int at;

    Reader(byte[] from) {
      this.from = from;
    }

    World next() {
      int[] fields = new int[SIZE];
      for (int i = 0; i < SIZE; i++) {
        int value = 0;
        int shift = 0;
        byte b;
        do {
          b = from[at++];
          value |= (b & 0x7f) << shift;
          shift += 7;
        } while (b < 0);
        fields[i] = value;
      }
      return new World(fields);
    }
  }

  // --------------------------------------------------------------- hashing

  /** A fingerprint that is the same for states that differ only in the names of the nodes. */
  long fingerprint(int nodes) {
    long first = partWithoutNames(0);
    long second = partWithoutNames(NODE_SIZE);
    long third = partWithoutNames(2 * NODE_SIZE);
    long shared = mix(f[HISTORY], 13);
    for (int i = APPENDED; i < PRIMARY_OF; i++) {
      shared = mix(shared, f[i]);
    }
    for (int i = CRASHES; i < SIZE; i++) {
      shared = mix(shared, f[i]);
    }
    long least = Long.MAX_VALUE;
    for (int[] to : PERMUTATIONS) {
      if (nodes == 3 || to[2] == 2) {
        long h = mix(shared, named(0, first, to) + named(1, second, to) + named(2, third, to));
        least = Math.min(least, mix(h, outside(to)) >>> 1);
      }
    }
    return least;
  }

  private long partWithoutNames(int base) {
    long h = 17;
    for (int i = 0; i < ACKS; i++) {
      if (i != NONCE && i != RECORD && i != PROPOSED && i != LEADER) {
        h = mix(h, f[base + i]);
      }
    }
    return h;
  }

  private static long mix(long hash, long value) {
    long h = (hash ^ value) * 0x9E3779B97F4A7C15L;
    return h ^ (h >>> 32);
  }

  /** Small numbers beside one another: the first is spread out before the second comes. */
  private static long pair(int kind, int first, int second) {
    return mix(mix(mix(kind, 0x5851F42D4C957F2DL), first), second);
  }

  /**
   * @param to the new number of each node
   */
  private long named(int node, long rest, int[] to) {
    int base = node * NODE_SIZE;
    long h = mix(rest, to[node] + 11);
    h = mix(h, owner(f[base + NONCE], to));
    h = mix(h, node(f[base + LEADER], to));
    h =
        mix(
            h,
            (long) Records.permute(f[base + PROPOSED], to) << 32
                | Records.permute(f[base + RECORD], to));
    long acks = 0;
    for (int other = 0; other < NODES; other++) {
      // Added up, each with its place, so that the order of the nodes does not matter.
      acks += pair(5, to[other], f[base + ACKS + other]);
    }
    return mix(h, acks);
  }

  private long outside(int[] to) {
    long h = pair(9, Records.permute(f[STORE_BACKUP], to), Records.permute(f[STORE_RECORD], to));
    h = mix(h, owner(f[STORE_OWNER], to));
    long unordered = 0;
    for (int i = 0; i < REQUESTS; i++) {
      int head = f[REQUEST + 2 * i];
      if (head != 0) {
        int moved = head & ~3 | to[head & 3];
        unordered += pair(3, moved, Records.permute(f[REQUEST + 2 * i + 1], to));
      }
    }
    for (int i = 0; i < MESSAGES; i++) {
      int head = f[MESSAGE + 2 * i];
      if (head != 0) {
        int moved = head & ~15 | to[head & 3] | to[head >> 2 & 3] << 2;
        unordered += pair(7, moved, f[MESSAGE + 2 * i + 1]);
      }
    }
    h = mix(h, unordered);
    for (int i = STATUS; i < STATUS + CONTENTS; i++) {
      h = mix(h, f[i] >= WAITS ? WAITS + to[f[i] - WAITS] : f[i]);
    }
    for (int i = PRIMARY_OF; i < PRIMARY_OF + EPOCHS; i++) {
      h = mix(h, owner(f[i], to));
    }
    return h;
  }

  private static int node(int nodePlusOne, int[] to) {
    return nodePlusOne == 0 ? 0 : to[nodePlusOne - 1] + 1;
  }

  /** An owner: node + 1 in two bits, then the process. */
  private static int owner(int owner, int[] to) {
    return owner & ~3 | node(owner & 3, to);
  }

  static int owner(int node, int process) {
    return node + 1 | process << 2;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof World world && Arrays.equals(f, world.f);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(f);
  }
}
