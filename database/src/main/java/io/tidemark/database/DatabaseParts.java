package io.tidemark.database;

import java.util.concurrent.locks.ReentrantLock;

/**
 * What nearly every subject of one {@link Database} works on; made once, by it.
 *
 * @param store of all databases
 * @param lock guards the state of all parts
 * @param events whom changes are told
 */
record DatabaseParts(
    Store store,
    DatabaseFiles files,
    ReentrantLock lock,
    Availability availability,
    DatabaseEvents events,
    TransactionLog log,
    CommittedState committed,
    MainContent content) {}
