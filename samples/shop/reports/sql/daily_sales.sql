-- Paid and shipped orders per day of a period, both ends included.
-- Parameters: first day, last day.
SELECT
    DATE(o.placed_at) AS day,
    COUNT(*) AS orders,
    SUM(o.goods - o.discount) AS goods,
    SUM(o.shipping) AS shipping,
    SUM(o.refunded) AS refunded
FROM orders_order AS o
WHERE
    DATE(o.placed_at) BETWEEN %s AND %s
    AND o.status IN ('paid', 'shipped')
GROUP BY DATE(o.placed_at)
ORDER BY DATE(o.placed_at)
