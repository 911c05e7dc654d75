-- Proves the books in one statement, hence over one instant, whatever moves meanwhile: how many entries were read,
-- and a sentence for each thing that does not add up (at most 1,000).
--
-- An entry's lots moved with its legs: into a grant's remainder or out of it (the sign of `available`), into its held
-- part or out of that (the sign of `held`). So each grant's credits = its remainder + what open holds have of it
-- + what was captured, expired, repaid and taken, once the grants' three figures below agree with the entries.
WITH entry AS MATERIALIZED (
    SELECT e.*, sign(e.available)::int AS into_available, sign(e.held)::int AS into_held,
           lag(e.available_after, 1, 0::bigint) OVER past AS available_before,
           lag(e.held_after, 1, 0::bigint) OVER past AS held_before,
           lag(e.debt_after, 1, 0::bigint) OVER past AS debt_before
      FROM usage_ledgerentry e
    WINDOW past AS (PARTITION BY e.wallet_id ORDER BY e.id)
), lot AS MATERIALIZED (
    SELECT entry.id AS entry_id, entry.wallet_id, entry.kind, entry.into_available, entry.into_held,
           l.key AS grant_id, l.value::bigint AS credits
      FROM entry, jsonb_each_text(entry.lots) l
), grant_by_entries AS (
    SELECT lot.wallet_id, lot.grant_id,
           coalesce(sum(lot.credits) FILTER (WHERE lot.kind IN ('grant', 'adjust') AND lot.into_available = 1), 0) AS credits,
           sum(lot.credits * lot.into_available) AS remaining,
           sum(lot.credits * lot.into_held) AS held
      FROM lot
     GROUP BY lot.wallet_id, lot.grant_id
), held_of_grant AS (
    SELECT h.wallet_id, l.key AS grant_id, sum(l.value::bigint) AS held
      FROM usage_hold h, jsonb_each_text(h.lots) l
     WHERE h.state = 'open'
     GROUP BY h.wallet_id, l.key
), hold_by_entries AS (
    SELECT entry.wallet_id, substr(entry.reference, length(entry.kind) + 2) AS reference,
           count(*) FILTER (WHERE entry.kind = 'hold') AS times_opened,
           coalesce(sum(entry.held) FILTER (WHERE entry.kind = 'hold'), 0) AS opened,
           coalesce(-sum(entry.held) FILTER (WHERE entry.kind = 'capture'), 0) AS captured,
           coalesce(-sum(entry.held) FILTER (WHERE entry.kind <> 'hold'), 0) AS closed,
           min(entry.lots::text) FILTER (WHERE entry.kind = 'hold') AS lots
      FROM entry
     WHERE entry.held <> 0
     GROUP BY entry.wallet_id, substr(entry.reference, length(entry.kind) + 2)
), finding AS (
    SELECT format('entry %s: its legs do not sum to zero', entry.id) AS sentence
      FROM entry
     WHERE entry.available + entry.held - entry.debt + entry.outside <> 0
    UNION ALL
    SELECT format('entry %s: the balance after it does not follow from the entry before', entry.id)
      FROM entry
     WHERE (entry.available_after, entry.held_after, entry.debt_after) IS DISTINCT FROM (
               entry.available_before + entry.available, entry.held_before + entry.held, entry.debt_before + entry.debt)
    UNION ALL
    SELECT format('entry %s: a balance after it is negative', entry.id)
      FROM entry
     WHERE least(entry.available_after, entry.held_after, entry.debt_after) < 0
    UNION ALL
    SELECT format('entry %s: its lots do not sum to what it moved', entry.id)
      FROM entry
     WHERE greatest(abs(entry.available), abs(entry.held))
           <> (SELECT coalesce(sum(l.value::bigint), 0) FROM jsonb_each_text(entry.lots) l)
    UNION ALL
    SELECT format('reference %s: entered %s times', entry.reference, count(*))
      FROM entry
     GROUP BY entry.reference
    HAVING count(*) > 1
    UNION ALL
    SELECT format('wallet %s: its entries sum to %s available, %s held, %s debt; it says %s, %s, %s', w.organization_id,
                  s.available, s.held, s.debt, w.available, w.held, w.debt)
      FROM usage_wallet w
      LEFT JOIN (SELECT entry.wallet_id, sum(entry.available) AS available, sum(entry.held) AS held,
                        sum(entry.debt) AS debt
                   FROM entry GROUP BY entry.wallet_id) s ON s.wallet_id = w.organization_id
     WHERE (w.available, w.held, w.debt)
           IS DISTINCT FROM (coalesce(s.available, 0), coalesce(s.held, 0), coalesce(s.debt, 0))
    UNION ALL
    SELECT format('wallet %s: a figure is negative', w.organization_id)
      FROM usage_wallet w
     WHERE least(w.available, w.held, w.debt) < 0
    UNION ALL
    SELECT format('wallet %s: %s available, its grants have %s left', w.organization_id, w.available, coalesce(s.remaining, 0))
      FROM usage_wallet w
      LEFT JOIN (SELECT g.wallet_id, sum(g.remaining) AS remaining FROM usage_grant g GROUP BY g.wallet_id) s
             ON s.wallet_id = w.organization_id
     WHERE w.available <> coalesce(s.remaining, 0)
    UNION ALL
    SELECT format('wallet %s: %s held, its open holds have %s', w.organization_id, w.held, coalesce(s.credits, 0))
      FROM usage_wallet w
      LEFT JOIN (SELECT h.wallet_id, sum(h.credits) AS credits FROM usage_hold h WHERE h.state = 'open'
                  GROUP BY h.wallet_id) s ON s.wallet_id = w.organization_id
     WHERE w.held <> coalesce(s.credits, 0)
    UNION ALL
    SELECT format('grant %s: %s of %s left and %s held; its entries say %s of %s and %s', g.id, g.remaining, g.credits,
                  coalesce(h.held, 0), coalesce(s.remaining, 0), coalesce(s.credits, 0), coalesce(s.held, 0))
      FROM usage_grant g
      LEFT JOIN grant_by_entries s ON s.wallet_id = g.wallet_id AND s.grant_id = g.id::text
      LEFT JOIN held_of_grant h ON h.wallet_id = g.wallet_id AND h.grant_id = g.id::text
     WHERE (g.credits, g.remaining, coalesce(h.held, 0)) IS DISTINCT FROM (s.credits, s.remaining, s.held)
        OR g.remaining NOT BETWEEN 0 AND g.credits
    UNION ALL
    SELECT format('wallet %s: entries move credits of %s, which is no grant of it', s.wallet_id, s.grant_id)
      FROM grant_by_entries s
     WHERE NOT EXISTS (SELECT FROM usage_grant g WHERE g.wallet_id = s.wallet_id AND g.id::text = s.grant_id)
    UNION ALL
    SELECT format('hold %s: its entries do not add up to it', coalesce(h.reference, s.reference))
      FROM usage_hold h
      FULL JOIN hold_by_entries s ON s.wallet_id = h.wallet_id AND s.reference = h.reference
     WHERE (s.times_opened, s.opened, s.captured, s.closed, s.lots) IS DISTINCT FROM (
               1, h.credits, h.captured, CASE WHEN h.state = 'open' THEN 0 ELSE h.credits END, h.lots::text)
        OR (h.state = 'captured') <> (h.captured > 0)
    UNION ALL
    SELECT format('hold %s: its lots do not sum to its credits', h.reference)
      FROM usage_hold h
     WHERE h.credits <> (SELECT coalesce(sum(l.value::bigint), 0) FROM jsonb_each_text(h.lots) l)
    UNION ALL
    SELECT format('hold %s: there are %s of it', h.reference, count(*))
      FROM usage_hold h
     GROUP BY h.reference
    HAVING count(*) > 1
    UNION ALL
    SELECT format('grant reference %s: granted %s times', g.reference, count(*))
      FROM usage_grant g
     GROUP BY g.reference
    HAVING count(*) > 1
)
SELECT (SELECT count(*) FROM entry) AS checked,
       ARRAY(SELECT finding.sentence FROM finding ORDER BY finding.sentence LIMIT 1000) AS errors
